"""The one place that imports Hailo's Dataflow Compiler (``hailo_sdk_client``)."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import CardscannerError

NATIVE, FULL_PRECISION, QUANTIZED = "SDK_NATIVE", "SDK_FP_OPTIMIZED", "SDK_QUANTIZED"
"""What the emulator runs: the graph as parsed; in float after the model script; in 8 bits."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """The installed Dataflow Compiler."""

    version: str
    _runner: Callable[..., Any]
    _contexts: Any

    def fresh(self, arch: str) -> Any:
        """Return an empty ``ClientRunner``."""
        return self._runner(hw_arch=arch)

    def loaded(self, arch: str, har: Path) -> Any:
        """Return a ``ClientRunner`` that goes on from a HAR."""
        return self._runner(hw_arch=arch, har=str(har))

    def emulate(self, runner: Any, stage: str, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the emulator on (N, H, W, 3) floats; return (N, dim)."""
        with runner.infer_context(getattr(self._contexts, stage)) as context:
            given = runner.infer(context, pixels)
        if isinstance(given, list | tuple):
            (given,) = given
        return np.asarray(given, dtype=np.float32).reshape(len(pixels), -1)


def find_compiler() -> Compiler:
    """Return the installed compiler.

    Raises
    ------
    CardscannerError
        There is none, or it does not load.
    """
    try:
        import hailo_sdk_client
    except ImportError as error:
        raise CardscannerError(
            "compiling for a Hailo chip needs Hailo's Dataflow Compiler, which is not installed here "
            f"({error}). It runs on x86-64 Linux only (Ubuntu 22.04 or 24.04, Python 3.10 to 3.12; not on "
            f"the Pi; this is {platform.system()} {platform.machine()}). Log in at hailo.ai/developer-zone, "
            "download hailo_dataflow_compiler-<version>-py3-none-linux_x86_64.whl of the version that pairs "
            "with the HailoRT of the box (docs/hailo.md), and pip install it into this environment"
        ) from error
    return Compiler(
        str(hailo_sdk_client.__version__), hailo_sdk_client.ClientRunner, hailo_sdk_client.InferenceContext
    )


class Compiling:
    """Adds what was done, and what helps, to whatever the compiler raises: its errors share no known base."""

    def __init__(self, what: str, advice: str) -> None:
        self._note = f"This happened while {what}. {advice}"

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            error.add_note(self._note)
