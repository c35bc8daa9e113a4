"""Static 8-bit quantisation of a model (QDQ), with both of its ends left in float.

Activations are unsigned, weights signed and per output channel (U8S8). Most activations of ours end in a
ReLU6, so a sign would carry nothing, and on an x86 processor with VNNI it cost two thirds of the speed:
10.6 ms a card against 3.4 ms, float 10.1 ms, at the same accuracy (ONNX Runtime 1.32, CardNet 0.1.0). On x86
processors *without* VNNI, products of U8S8 may overflow 16 bits and saturate, silently: ``signed`` is for
those.

The scaling of pixels stays in float because the first convolution's input is quantised right after it anyway,
and the scaling to unit length because a sum of squares wants more than 8 bits. A Hailo chip does the same: it
gives the 8-bit features, and the host scales them. So this is also the stand-in for the chip's 8-bit error.
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

from cardscanner.records import Batch
from cardscanner_tools.export.cut import find_core
from cardscanner_tools.export.graph import check_opset, folded

_BATCH = 8


class _Captures(CalibrationDataReader):
    """Gives ONNX Runtime the captures to see activations on."""

    def __init__(self, name: str, crops: Batch) -> None:
        self._parts: Iterator[dict[str, NDArray[np.uint8]]] = (
            {name: crops[at : at + _BATCH]} for at in range(0, len(crops), _BATCH)
        )

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        return next(self._parts, None)


def quantised(model: onnx.ModelProto, captures: Batch, path: Path, *, signed: bool = False) -> None:
    """Write the 8-bit form of a model to ``path``.

    ``captures`` (N, H, W, 3) uint8 RGB decide the range of every activation; ``signed``
    makes activations int8.

    Raises
    ------
    ArtifactError
        The model has no ends to leave in float: it is no model of ours.
    """
    clean = folded(model)
    core = find_core(clean)
    quantize_static(
        clean,
        str(path),
        _Captures(core.pixels, captures),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QInt8 if signed else QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=core.outside(clean),
        calibrate_method=CalibrationMethod.MinMax,
    )
    check_opset(onnx.load(str(path)), str(path))
