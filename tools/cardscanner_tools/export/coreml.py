"""``model.mlpackage``: the network for iPhones, converted from torch by coremltools.

An RGB image of the model's size in, the unit vector out. The arithmetic is half precision, but the scaling to
unit length is not: a sum of 768 squares leaves the range of half precision easily. Conversion works anywhere;
only a Mac can run the result, so compare it there with ``model.onnx`` before shipping an app.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cardscanner.errors import CardscannerError

PACKAGE = "model.mlpackage"
_FULL_PRECISION = {
    "reduce_l2_norm",
    "reduce_sum_square",
    "l2_norm",
    "real_div",
    "maximum",
    "clip",
    "rsqrt",
    "sqrt",
}


class _Planes(nn.Module):
    """The network as Core ML feeds it: (1, 3, H, W) floats from 0 to 255."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, planes: Tensor) -> Tensor:
        """Return (1, dim) unit vectors."""
        return self.net(planes.permute(0, 2, 3, 1))


def write_mlpackage(net: nn.Module, folder: Path, size: int) -> list[str]:
    """Write ``model.mlpackage``; return its name.

    Raises
    ------
    CardscannerError
        coremltools is not installed.
    """
    coremltools = _coremltools()
    traced = _traced(net, size)
    with tempfile.TemporaryDirectory(dir=folder) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(temporary) / PACKAGE
        model = coremltools.convert(
            traced,
            convert_to="mlprogram",
            inputs=[
                coremltools.ImageType(
                    name="pixels", shape=(1, 3, size, size), color_layout=coremltools.colorlayout.RGB
                )
            ],
            outputs=[coremltools.TensorType(name="embedding", dtype=np.float32)],
            minimum_deployment_target=coremltools.target.iOS16,
            compute_precision=coremltools.transform.FP16ComputePrecision(op_selector=_in_half_precision),
            skip_model_load=True,
        )
        model.save(str(path))
        del model  # removes its own temporary folder, and warns that it does
        shutil.rmtree(folder / PACKAGE, ignore_errors=True)
        path.rename(folder / PACKAGE)
    return [PACKAGE]


def _coremltools() -> Any:
    try:
        import coremltools
    except ImportError as error:
        raise CardscannerError(
            f"--also coreml needs coremltools ({error}): pip install 'cardscanner[export]'"
        ) from error
    return coremltools


def _traced(net: nn.Module, size: int) -> Any:
    with torch.no_grad(), warnings.catch_warnings():
        # torch deprecates tracing, which is what coremltools converts most faithfully.
        warnings.simplefilter("ignore")
        return torch.jit.trace(_Planes(net).eval(), torch.zeros((1, 3, size, size)))


def _in_half_precision(operation: Any) -> bool:
    return operation.op_type not in _FULL_PRECISION
