"""A real, tiny ONNX embedder for tests: the crop scaled down to n x n pixels is the vector.

It needs no training, tells pictures apart, and obeys the contract of every model of ours: uint8 NHWC in,
unit vector out, normalisation inside the network.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cardscanner.files import write_json
from cardscanner.manifest import ModelManifest, describe_file, sealed_document


def thumbnail_model(folder: Path, side: int = 16, size: int = 224, space: str | None = None) -> Path:
    """Write a model folder whose embedder gives 3 * side * side values (768 for side 16)."""
    dim = 3 * side * side
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(_network(side, size, dim), folder / "model.onnx")
    manifest = ModelManifest(
        name="thumbnail",
        version=f"{side}",
        space=space or f"thumbnail-{side}",
        input={"height": size, "width": size},
        dim=dim,
        files={"model.onnx": describe_file(folder / "model.onnx")},
        licence="Apache-2.0",
        created="2026-11-22T00:00:00Z",
    )
    write_json(folder / "manifest.json", sealed_document(manifest))
    return folder


def _network(side: int, size: int, dim: int) -> onnx.ModelProto:
    step = size // side
    constants = {
        "half": np.float32(127.5).reshape(1),
        "shape": np.array([-1, dim], dtype=np.int64),
        "tiny": np.float32(1e-6).reshape(1),
    }
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["float", "half"], ["centred"]),
        helper.make_node("Transpose", ["centred"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "AveragePool", ["planes"], ["pooled"], kernel_shape=[step, step], strides=[step, step]
        ),
        helper.make_node("Reshape", ["pooled", "shape"], ["flat"]),
        helper.make_node("Add", ["flat", "tiny"], ["safe"]),
        helper.make_node("LpNormalization", ["safe"], ["embedding"], axis=1, p=2),
    ]
    graph = helper.make_graph(
        nodes,
        "thumbnail",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", size, size, 3])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", dim])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
