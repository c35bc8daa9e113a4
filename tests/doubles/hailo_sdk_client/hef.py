"""The compiler's last step, for the double of HailoRT: pixels in, 8-bit features out."""

from __future__ import annotations

import numpy as np
import onnx
from hailo_platform.pyhailort.hef_file import Header, pack
from onnx import TensorProto, helper, numpy_helper

from hailo_sdk_client.model_script import Modifications

_RUNTIMES = {"3.33": "4.23.0", "3.32": "4.22.0", "3.31": "4.21.0", "3.30": "4.20.0"}


def compiled(
    network: bytes, done: Modifications, name: str, arch: str, limits: tuple[float, float], version: str
) -> bytes:
    """Return the bytes of a HEF: the quantised network behind the script's changes to uint8 NHWC pixels."""
    model = onnx.load_from_string(network)
    entry, result = model.graph.input[0], model.graph.output[0]
    size = [each.dim_value for each in entry.type.tensor_type.shape.dim]
    dim = result.type.tensor_type.shape.dim[1].dim_value
    order = [2, 1, 0] if done.swapped_colours else [0, 1, 2]
    constants = {
        "colour_order": np.array(order, np.int64),
        "script_mean": np.array(done.mean, np.float32),
        "script_std": np.array(done.std, np.float32),
    }
    before = [
        helper.make_node("Cast", ["uint8_pixels"], ["float_pixels"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["float_pixels", "colour_order"], ["ordered"], axis=3),
        helper.make_node("Sub", ["ordered", "script_mean"], ["centred"]),
        helper.make_node("Div", ["centred", "script_std"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], [entry.name], perm=[0, 3, 1, 2]),
    ]
    graph = helper.make_graph(
        [*before, *model.graph.node],
        name,
        [helper.make_tensor_value_info("uint8_pixels", TensorProto.UINT8, [1, size[2], size[3], 3])],
        [result],
        [
            *model.graph.initializer,
            *(numpy_helper.from_array(value, key) for key, value in constants.items()),
        ],
    )
    whole = helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    low, high = limits
    scale = (high - low) / 255
    header = Header(
        name=name, architecture=arch.upper(), input_shape=(size[2], size[3], 3), output_shape=(dim,), scale=scale,
        zero_point=float(round(-low / scale)), limits=limits, needs=_RUNTIMES.get(version[:4], "4.20.0"),
    )  # fmt: skip
    return pack(header, whole.SerializeToString())
