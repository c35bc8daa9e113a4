"""From ``model.onnx`` to ``model.hef``, the form that a Hailo chip runs; needs Hailo's Dataflow Compiler."""
