"""ONNX graphs, cleaned: constants folded, batch fixed, padding where the convolution wants it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper

from cardscanner.errors import ArtifactError

OPSET = 17


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operators that a model uses."""
    return next(int(entry.version) for entry in model.opset_import if entry.domain in {"", "ai.onnx"})


def check_opset(model: onnx.ModelProto, where: str) -> None:
    """Refuse a model that is not written with opset 17, or that uses operators outside ONNX."""
    foreign = sorted({f"{node.domain}.{node.op_type}" for node in model.graph.node if node.domain})
    if opset_of(model) != OPSET or foreign:
        raise ArtifactError(
            f"{where} is written with opset {', '.join((str(opset_of(model)), *foreign))}; "
            f"the compilers downstream want opset {OPSET} of ONNX alone: export it again with `export`"
        )


def folded(model: onnx.ModelProto, batch: int | None = None) -> onnx.ModelProto:
    """Return the same network with its constants computed and padding moved into the convolutions.

    ``batch`` fixes the first dimension of input and output; ``None`` leaves it free. ONNX Runtime does the
    folding at its "basic" level, which keeps to ONNX's own operators. Its transpose optimiser stays off: it
    would push the change to NCHW past the first convolution's padding, and the cut before it would be gone.
    """
    model = _copy(model)
    if batch is not None:
        _fix_batch(model, batch)
    result = _through_onnxruntime(model)
    for number, node in enumerate(result.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    _absorb_padding(result)
    # ONNX Runtime lists every domain it knows.
    kept = [entry for entry in result.opset_import if entry.domain in {"", "ai.onnx"}]
    del result.opset_import[:]
    result.opset_import.extend(kept)
    onnx.checker.check_model(result)
    return result


def constants_of(model: onnx.ModelProto) -> dict[str, NDArray[np.generic]]:
    """Return every constant of a folded model by name."""
    return {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}


def bottlenecks(model: onnx.ModelProto) -> list[str]:
    """Return the tensors, first to last, through which everything on the way to the output has to go."""
    (entry,) = (each.name for each in model.graph.input)
    nodes = list(model.graph.node)
    last_use = {name: number for number, node in enumerate(nodes) for name in node.input}
    last_use[model.graph.output[0].name] = len(nodes)
    live, found = {entry}, [entry]
    for number, node in enumerate(nodes):
        if not live.intersection(node.input):
            continue
        live.update(name for name in node.output if last_use.get(name, -1) > number)
        live = {name for name in live if last_use[name] > number}
        if len(live) == 1:
            found.append(next(iter(live)))
    return found


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def _fix_batch(model: onnx.ModelProto, batch: int) -> None:
    for edge in (*model.graph.input, *model.graph.output):
        first = edge.type.tensor_type.shape.dim[0]
        first.Clear()
        first.dim_value = batch
    del model.graph.value_info[:]


def _through_onnxruntime(model: onnx.ModelProto) -> onnx.ModelProto:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(),
            sess_options=options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["TransposeOptimizer"],
        )
        return onnx.load(str(path))


def _absorb_padding(model: onnx.ModelProto) -> None:
    """Drop paddings of nothing, and give those in front of convolutions to the convolutions."""
    constants = constants_of(model)
    for pad in [node for node in model.graph.node if node.op_type == "Pad"]:
        users = [node for node in model.graph.node if pad.output[0] in node.input]
        sides = _spatial_sides(pad, constants)
        if sides is None or (any(sides) and not all(_takes_padding(node) for node in users)):
            continue
        for node in users:
            if any(sides):
                pads = next(each for each in node.attribute if each.name == "pads")
                pads.ints[:] = [old + new for old, new in zip(pads.ints, sides, strict=True)]
            _reconnect(node, pad.output[0], pad.input[0])
        model.graph.node.remove(pad)
    _drop_unused(model)


def _spatial_sides(pad: onnx.NodeProto, constants: dict[str, NDArray[np.generic]]) -> list[int] | None:
    """Return (top, left, bottom, right) zeros; ``None`` for any other kind of padding."""
    mode = next((each.s for each in pad.attribute if each.name == "mode"), b"constant")
    value = constants.get(pad.input[2]) if len(pad.input) > 2 and pad.input[2] else np.zeros(1)
    pads = constants.get(pad.input[1])
    if mode != b"constant" or value is None or pads is None or len(pad.input) > 3 or len(pads) != 8:
        return None
    whole = [int(each) for each in pads]
    if np.any(value) or min(whole) < 0 or any((*whole[0:2], *whole[4:6])):
        return None
    return [*whole[2:4], *whole[6:8]]


def _takes_padding(node: onnx.NodeProto) -> bool:
    attributes = {each.name: each for each in node.attribute}
    automatic = "auto_pad" in attributes and attributes["auto_pad"].s != b"NOTSET"
    return node.op_type == "Conv" and "pads" in attributes and not automatic


def _reconnect(node: onnx.NodeProto, old: str, new: str) -> None:
    node.input[:] = [new if name == old else name for name in node.input]


def _drop_unused(model: onnx.ModelProto) -> None:
    used = _names(node.input for node in model.graph.node)
    kept = [each for each in model.graph.initializer if each.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _names(groups: Iterable[Iterable[str]]) -> set[str]:
    return {name for group in groups for name in group}
