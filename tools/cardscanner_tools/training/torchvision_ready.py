"""Making torchvision importable beside a torch without CUDA.

PyPI's torchvision is built for CUDA. Beside a CPU build of torch its import stops with "operator
torchvision::nms does not exist" (pytorch/vision#9085), and timm imports torchvision. Two operator schemas,
declared but never called here, are all that is missing.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import torch

_declared: list[Any] = []  # a library that is collected takes its operators along


def make_torchvision_importable() -> None:
    """Call this before importing timm; it changes nothing where torchvision works."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        _declare_operators()
        importlib.import_module("torchvision")


def _declare_operators() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)
