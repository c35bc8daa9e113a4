"""The 8-bit form of a corner network: faster on processors with 8-bit products, a quarter of the size.

Activations are unsigned and weights signed, per channel (why: :mod:`cardscanner_tools.export.int8`). The last
layer stays in float: its values are lengths over a long range, not the outcome of a ReLU6.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from cardscanner.errors import ArtifactError
from cardscanner_tools.corners.pool import Example
from cardscanner_tools.corners.views import view

VIEWS, SIDE = 128, 320
_BATCH = 8


class _Views(CalibrationDataReader):
    """Gives ONNX Runtime the views to see activations on."""

    def __init__(self, views: NDArray[np.uint8]) -> None:
        self._parts: Iterator[dict[str, NDArray[np.uint8]]] = (
            {"pixels": views[at : at + _BATCH]} for at in range(0, len(views), _BATCH)
        )

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        return next(self._parts, None)


def calibration_views(pool: list[Example], seed: int) -> NDArray[np.uint8]:
    """Return fresh views (VIEWS, SIDE, SIDE, 3) of a pool's pictures."""
    rng = np.random.default_rng([seed, 8])
    return np.stack([view(rng, pool[int(rng.integers(len(pool)))], SIDE)[0] for _ in range(VIEWS)])


def quantised(source: Path, views: NDArray[np.uint8], path: Path) -> None:
    """Write the 8-bit form of a network file to ``path``; ``views`` decide the range of every activation."""
    model = onnx.load(str(source))
    layers = [node.name for node in model.graph.node if node.op_type == "Conv"]
    if not layers:
        raise ArtifactError(f"{source} has no convolutions: it is no corner network")
    quantize_static(
        model,
        str(path),
        _Views(views),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "Add", "Resize", "Clip"],
        nodes_to_exclude=[layers[-1]],
        calibrate_method=CalibrationMethod.MinMax,
    )
    onnx.save(without_unused(onnx.load(str(path))), str(path))


def without_unused(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model without constants that no layer reads; ONNX Runtime would warn of each of them."""
    used = {name for node in model.graph.node for name in node.input} | {
        each.name for each in model.graph.output
    }
    kept = [each for each in model.graph.initializer if each.name in used]
    nodes = [node for node in model.graph.node if node.op_type != "Constant" or node.output[0] in used]
    clean = onnx.ModelProto()
    clean.CopyFrom(model)
    del clean.graph.initializer[:]
    clean.graph.initializer.extend(kept)
    del clean.graph.node[:]
    clean.graph.node.extend(nodes)
    return clean
