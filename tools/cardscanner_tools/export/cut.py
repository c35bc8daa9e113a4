"""Where a model's pixels become normalised planes, and where its features become a unit vector.

Every model of ours is ``uint8 pixels -> [normalise] -> network -> [scale to unit length]``. Quantisation
keeps the two ends in float, and the Hailo compiler must not see them at all. They are found by what they
compute, not by operator names, which differ between exporters: the planes are the last tensor that is an
affine function of the pixels, channel by channel; the features the last one whose rows, scaled to unit
length, are the model's answer, and are not of unit length yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from cardscanner.errors import ArtifactError
from cardscanner_tools.export.graph import bottlenecks

Tensors = dict[str, NDArray[np.float32]]

_PROBES = 3
_ENDS = 12
"""How many tensors from each end are looked at."""
_SAME = 1e-4


@dataclass(frozen=True, slots=True)
class Core:
    """The network between its two ends."""

    pixels: str
    """Name of the input tensor, (B, H, W, 3) uint8."""
    planes: str
    """Name of the tensor (B, 3, H, W): (pixels - mean) / std."""
    features: str
    """Name of the tensor (B, dim), not normalised."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    """On the scale 0 to 255."""

    def outside(self, model: onnx.ModelProto) -> list[str]:
        """Return the names of the nodes that belong to the two ends."""
        inside = {node.name for node in between(model, self.planes, self.features)}
        return [node.name for node in model.graph.node if node.name not in inside]


def find_core(model: onnx.ModelProto) -> Core:
    """Find both ends of a folded model (:func:`cardscanner_tools.export.graph.folded`).

    Raises
    ------
    ArtifactError
        The model does not normalise its pixels by channel, or does not end in a scaling to unit length.
    """
    names = bottlenecks(model)
    entry, answer = names[0], names[-1]
    candidates = list(dict.fromkeys((*names[1:_ENDS], *names[-_ENDS:])))
    pixels = _probes(model)
    tensors = _computed(model, candidates, pixels)
    planes, mean, std = _find_planes(names[1:_ENDS], tensors, pixels)
    features = _find_features(names[-_ENDS:-1], tensors, tensors[answer])
    return Core(entry, planes, features, mean, std)


def between(model: onnx.ModelProto, start: str, end: str) -> list[onnx.NodeProto]:
    """Return the nodes that lead from one tensor to another."""
    made_by = {name: node for node in model.graph.node for name in node.output}
    found: dict[str, onnx.NodeProto] = {}
    waiting = [end]
    while waiting:
        name = waiting.pop()
        if name == start or name not in made_by or made_by[name].name in found:
            continue
        found[made_by[name].name] = made_by[name]
        waiting.extend(made_by[name].input)
    return [node for node in model.graph.node if node.name in found]


def _probes(model: onnx.ModelProto) -> NDArray[np.uint8]:
    shape = [each.dim_value for each in model.graph.input[0].type.tensor_type.shape.dim]
    return np.random.default_rng(0).integers(0, 256, (_PROBES, *shape[1:]), dtype=np.uint8)


def _computed(model: onnx.ModelProto, names: Sequence[str], pixels: NDArray[np.uint8]) -> Tensors:
    """Return the values of tensors inside the model, one probe after the other (the batch may be fixed)."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    shown = {each.name for each in probe.graph.output}
    probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in shown)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        probe.SerializeToString(), sess_options=options, providers=["CPUExecutionProvider"]
    )
    entry = session.get_inputs()[0].name
    runs = [session.run(list(names), {entry: each[np.newaxis]}) for each in pixels]
    return {name: np.concatenate(parts) for name, parts in zip(names, zip(*runs, strict=True), strict=True)}


def _find_planes(
    names: Sequence[str], tensors: Tensors, pixels: NDArray[np.uint8]
) -> tuple[str, tuple[float, float, float], tuple[float, float, float]]:
    wanted = pixels.transpose(0, 3, 1, 2).astype(np.float64)
    for name in reversed(names):
        scaling = _affine(tensors[name], wanted)
        if scaling is not None:
            return name, *scaling
    raise ArtifactError(
        "this network has no tensor of normalised NCHW planes behind its uint8 NHWC pixels: "
        "it is no model of ours, or its normalisation is not (pixel - mean) / std by channel"
    )


def _affine(
    planes: NDArray[np.float32], pixels: NDArray[np.float64]
) -> tuple[tuple[float, float, float], tuple[float, float, float]] | None:
    """Return mean and std of ``planes = (pixels - mean) / std``; ``None`` when it is something else."""
    if planes.shape != pixels.shape or planes.dtype.kind != "f":
        return None
    mean, std = [], []
    for channel in range(3):
        x, y = pixels[:, channel].ravel(), planes[:, channel].ravel().astype(np.float64)
        slope, offset = np.polyfit(x, y, 1)
        if slope <= 0:
            return None
        std.append(float(f"{1 / slope:.7g}"))
        mean.append(float(f"{-offset / slope:.7g}"))
        if np.abs((x - mean[-1]) / std[-1] - y).max() > _SAME * max(1, 255 / std[-1]):
            return None
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])


def _find_features(names: Sequence[str], tensors: Tensors, answer: NDArray[np.float32]) -> str:
    for name in reversed(names):
        values = tensors[name]
        if values.dtype.kind != "f" or values.size != answer.size:
            continue
        rows = values.reshape(answer.shape).astype(np.float64)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if np.allclose(lengths, 1, atol=_SAME):
            continue
        if np.abs(rows / np.maximum(lengths, 1e-12) - answer).max() < _SAME:
            return name
    raise ArtifactError(
        "this network does not end in a scaling of its features to unit length: export it again with `export`"
    )
