"""torch network -> ONNX: opset 17, free batch, uint8 NHWC in, unit vectors out, checked against torch.

torch has two exporters. The older one (``dynamo=False``) writes the opset it is asked for, but is deprecated
and does not know every operator; the newer one writes opset 18 whatever it is asked for. So the older one is
asked first, and what the newer one writes is converted down. The file is only good when it says opset 17 and
answers like torch.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import checker, version_converter
from torch import nn

from cardscanner.errors import CardscannerError
from cardscanner_tools.export.graph import OPSET, check_opset, opset_of

EXPORT_FAILURES = (RuntimeError, TypeError, ValueError, AssertionError)
"""What the older exporter raises on operators that it does not know."""
_MOST_DIFFERENT = 1e-4
_NAMES = {"input_names": ["pixels"], "output_names": ["embedding"]}


def write_onnx(net: nn.Module, path: Path, size: int) -> None:
    """Write the network with a free batch size.

    Raises
    ------
    CardscannerError
        Neither exporter gives opset 17.
    """
    try:
        _export(
            net, path, size, dynamo=False, dynamic_axes={"pixels": {0: "batch"}, "embedding": {0: "batch"}}
        )
    except EXPORT_FAILURES as failure:
        _write_through_newer(net, path, size, failure)
    check_opset(onnx.load(str(path)), str(path))


def _write_through_newer(net: nn.Module, path: Path, size: int, failure: Exception) -> None:
    shapes = ({0: torch.export.Dim("batch")},)
    advice = (
        f"{path}: torch's older ONNX exporter fails ({_first_line(failure)}), and what the newer one writes "
        f"cannot be brought to opset {OPSET}: replace that operation in the network (timm: "
        "`fused_attn = False`), or use the torch release that this project is tested with"
    )
    try:
        _export(net, path, size, dynamo=True, dynamic_shapes=shapes, external_data=False, verbose=False)
        model = onnx.load(str(path))
        if opset_of(model) != OPSET:
            model = _lowered(model)
    except (*EXPORT_FAILURES, version_converter.ConvertError, checker.ValidationError) as second:
        raise CardscannerError(f"{advice}. The newer exporter: {_first_line(second)}") from second
    onnx.save(model, str(path))


def _lowered(model: onnx.ModelProto) -> onnx.ModelProto:
    """Bring a model down to our opset; the result is checked, because ONNX's converter does not check it."""
    model = version_converter.convert_version(model, OPSET)
    for node in model.graph.node:
        # New in opset 18. The converter leaves it in place; 0, its default, is what opset 17 always does.
        left = [each for each in node.attribute if each.name == "noop_with_empty_axes" and each.i == 0]
        for attribute in left:
            node.attribute.remove(attribute)
    checker.check_model(model, full_check=True)
    return model


def _export(net: nn.Module, path: Path, size: int, **options: object) -> None:
    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        # Each exporter warns about itself: one is deprecated, the other does not write the opset asked for.
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (example,), str(path), opset_version=OPSET, **_NAMES, **options)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


@torch.no_grad()
def compare(net: nn.Module, path: Path, size: int, dim: int) -> float:
    """Return the largest difference of any value between torch and ONNX Runtime on random crops.

    Raises
    ------
    CardscannerError
        They differ, in shape or in value.
    """
    crops = np.random.default_rng(0).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = session.run(None, {"pixels": crops})[0]
    wanted = net(torch.from_numpy(crops)).numpy()
    if given.shape != (3, dim) or wanted.shape != (3, dim):
        raise CardscannerError(
            f"{path}: for 3 crops, torch gives {wanted.shape} and ONNX Runtime {given.shape}, "
            f"wanted (3, {dim})"
        )
    worst = float(np.abs(given - wanted).max())
    if not worst <= _MOST_DIFFERENT:
        raise CardscannerError(f"{path}: ONNX Runtime and torch differ by {worst:.1e}")
    return worst
