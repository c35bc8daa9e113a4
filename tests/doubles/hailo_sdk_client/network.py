"""The network inside the double: parsed from ONNX, run and quantised by ONNX Runtime."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from hailo_sdk_client.exceptions import (
    InvalidArgumentsException,
    ParsingWithRecommendationException,
    UnsupportedModelError,
)

LAYERS = {
    "Conv": "conv", "Gemm": "fc", "MatMul": "fc", "Add": "ew_add", "AveragePool": "avgpool",
    "GlobalAveragePool": "avgpool", "MaxPool": "maxpool", "Mul": "ew_mult", "Concat": "concat", "Pad": "pad",
}  # fmt: skip
FUSED = {
    "Relu",
    "Clip",
    "BatchNormalization",
    "Flatten",
    "Reshape",
    "Sigmoid",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
}
"""Become part of the layer before them."""


def parse(
    model: onnx.ModelProto, start: list[str], end: list[str], shapes: dict[str, list[int]]
) -> onnx.ModelProto:
    """Check and cut a graph as the parser does; the batch is free from here on, as in the emulator."""
    (entry,) = model.graph.input
    sizes = [each.dim_value for each in entry.type.tensor_type.shape.dim]
    if 0 in sizes or sizes[0] != 1:
        raise UnsupportedModelError(
            f"Dynamic or batched input shape {sizes} of {entry.name} is not supported"
        )
    if entry.type.tensor_type.elem_type != onnx.TensorProto.FLOAT or len(sizes) != 4 or sizes[1] != 3:
        raise UnsupportedModelError(f"Input {entry.name} must be NCHW floats, got {sizes}")
    if shapes and shapes != {entry.name: sizes}:
        raise InvalidArgumentsException(
            f"net_input_shapes {shapes} do not fit the model: {entry.name} {sizes}"
        )
    named = {node.name: node for node in model.graph.node}
    missing = [name for name in (*start, *end) if name not in named]
    if missing:
        raise InvalidArgumentsException(f"Unable to find nodes {missing} in the model")
    result = _cut(model, entry.name, named[end[0]].output[0])
    unknown = [node for node in result.graph.node if node.op_type not in LAYERS and node.op_type not in FUSED]
    if unknown:
        raise ParsingWithRecommendationException(
            f"{unknown[0].op_type} operation {unknown[0].name} is unsupported. "
            f"Please try to parse the model again, using these end node names: {unknown[0].input[0]}"
        )
    return result


def layers_of(model: onnx.ModelProto, name: str) -> dict[str, dict[str, Any]]:
    """Return the layers as the compiler names them, and the ONNX nodes that went into each."""
    layers: dict[str, dict[str, Any]] = {
        f"{name}/input_layer1": {"type": "input_layer", "original_names": [model.graph.input[0].name]}
    }
    counts: dict[str, int] = {}
    for node in model.graph.node:
        kind = LAYERS.get(node.op_type)
        if kind is None:
            layers[next(reversed(layers))]["original_names"].append(node.name)
            continue
        counts[kind] = counts.get(kind, 0) + 1
        layers[f"{name}/{kind}{counts[kind]}"] = {"type": kind, "original_names": [node.name]}
    last = next(reversed(layers))
    layers[f"{name}/output_layer1"] = {"type": "output_layer", "input": [last], "original_names": []}
    return layers


def run(network: bytes, planes: np.ndarray) -> np.ndarray:
    """Run (N, 3, H, W) floats."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(network, sess_options=options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name
    return np.concatenate(
        [session.run(None, {entry: planes[at : at + 8]})[0] for at in range(0, len(planes), 8)]
    )


def quantise(network: bytes, planes: np.ndarray) -> bytes:
    """Round weights and activations to 8 bits; the ranges are those seen on (N, 3, H, W) calibration planes."""
    model = onnx.load_from_string(network)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quantised.onnx"
        logging.disable(logging.WARNING)
        try:
            quantize_static(
                model, path, _Planes(model.graph.input[0].name, planes), quant_format=QuantFormat.QDQ,
                per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            )  # fmt: skip
        finally:
            logging.disable(logging.NOTSET)
        return path.read_bytes()


class _Planes(CalibrationDataReader):
    def __init__(self, name: str, planes: np.ndarray) -> None:
        self._parts = iter([{name: planes[at : at + 8]} for at in range(0, len(planes), 8)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._parts, None)


def _cut(model: onnx.ModelProto, start: str, end: str) -> onnx.ModelProto:
    shaped = onnx.shape_inference.infer_shapes(model)
    cut = onnx.utils.Extractor(shaped).extract_model([start], [end])
    for edge in (*cut.graph.input, *cut.graph.output):
        edge.type.tensor_type.shape.dim[0].Clear()
        edge.type.tensor_type.shape.dim[0].dim_param = "batch"
    del cut.graph.value_info[:]
    return cut
