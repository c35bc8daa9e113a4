"""Small random networks with the shape of ours, written in the ways in which exporters write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cardscanner.files import write_json
from cardscanner.manifest import ModelManifest, describe_file, sealed_document

SIZE, DIM = 64, 48
MEAN, STD = (120.0, 110.0, 100.0), (60.0, 62.0, 64.0)


def little_folder(folder: Path, model: onnx.ModelProto | None = None) -> Path:
    """Write a model folder around a little network."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model or little_model(), folder / "model.onnx")
    manifest = ModelManifest(
        name="little",
        version="0.0.1",
        space="little-0.0.1",
        input={"height": SIZE, "width": SIZE},
        dim=DIM,
        files={"model.onnx": describe_file(folder / "model.onnx")},
        licence="Apache-2.0",
        created="2026-11-22T00:00:00Z",
        notes="See MODEL_CARD.md.",
    )
    write_json(folder / "manifest.json", sealed_document(manifest))
    return folder


def little_model(
    scaling: str = "sub_div",
    ending: str = "reduce_l2",
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
    padding: Sequence[int] | None = (0, 0, 1, 1, 0, 0, 2, 2),
    opset: int = 17,
    odd: str | None = None,
) -> onnx.ModelProto:
    """Return pixels -> two convolutions -> features -> unit vector; ``odd`` names one operator to add before the last."""
    rng = np.random.default_rng(5)
    constants = {
        "kernel1": rng.normal(0, 0.25, (12, 3, 5, 5)).astype(np.float32),
        "kernel2": rng.normal(0, 0.15, (16, 12, 3, 3)).astype(np.float32),
        "dense": rng.normal(0, 0.06, (16 * 8 * 8, DIM)).astype(np.float32),
        "bias": rng.normal(0, 0.1, DIM).astype(np.float32),
    }
    nodes = _scaling(scaling, constants, mean, std)
    entry = "planes"
    if padding is not None:
        constants["pads"] = np.array(padding, np.int64)
        nodes.append(helper.make_node("Pad", ["planes", "pads"], ["padded"], name="pad"))
        entry = "padded"
    nodes += [
        helper.make_node("Conv", [entry, "kernel1"], ["first"], name="conv1", strides=[4, 4], pads=[0, 0, 0, 0] if padding else [1, 1, 2, 2]),
        helper.make_node("Relu", ["first"], ["positive"], name="relu1"),
        helper.make_node("Conv", ["positive", "kernel2"], ["second"], name="conv2", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["second"], ["strong"], name="relu2"),
    ]  # fmt: skip
    last = "strong"
    if odd is not None:
        nodes.append(helper.make_node(odd, ["strong"], ["odd"], name="odd_one"))
        last = "odd"
    nodes += [
        helper.make_node("Flatten", [last], ["flat"], name="flatten"),
        helper.make_node("Gemm", ["flat", "dense", "bias"], ["features"], name="gemm"),
        *_ending(ending, constants),
    ]
    graph = helper.make_graph(
        nodes,
        "little",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIM])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def _scaling(
    kind: str, constants: dict[str, np.ndarray], mean: Sequence[float], std: Sequence[float]
) -> list:
    m, s = np.array(mean, np.float32), np.array(std, np.float32)
    if kind == "sub_div":  # torch: permute, float, subtract, divide
        constants |= {"mean": m.reshape(3, 1, 1), "std": s.reshape(3, 1, 1)}
        return [
            helper.make_node("Transpose", ["pixels"], ["turned"], perm=[0, 3, 1, 2]),
            helper.make_node("Cast", ["turned"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["float", "mean"], ["centred"]),
            helper.make_node("Div", ["centred", "std"], ["planes"]),
        ]
    constants |= {"factor": 1 / s, "shift": -m / s}
    return [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "factor"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["moved"]),
        helper.make_node("Transpose", ["moved"], ["planes"], perm=[0, 3, 1, 2]),
    ]


def _ending(kind: str, constants: dict[str, np.ndarray]) -> list:
    if kind == "none":
        return [helper.make_node("Identity", ["features"], ["embedding"])]
    if kind == "lp":
        return [helper.make_node("LpNormalization", ["features"], ["embedding"], axis=1, p=2)]
    constants |= {"tiny": np.array(1e-12, np.float32), "axis": np.array([1], np.int64)}
    if kind == "sqrt":
        return [
            helper.make_node("Mul", ["features", "features"], ["squares"]),
            helper.make_node("ReduceSum", ["squares", "axis"], ["sum"], keepdims=1),
            helper.make_node("Sqrt", ["sum"], ["length"]),
            helper.make_node("Max", ["length", "tiny"], ["safe"]),
            helper.make_node("Div", ["features", "safe"], ["embedding"]),
        ]
    return [
        helper.make_node("ReduceL2", ["features"], ["length"], axes=[1], keepdims=1),
        helper.make_node("Clip", ["length", "tiny"], ["safe"]),
        helper.make_node("Shape", ["features"], ["shape"]),
        helper.make_node("Expand", ["safe", "shape"], ["wide"]),
        helper.make_node("Div", ["features", "wide"], ["embedding"]),
    ]
