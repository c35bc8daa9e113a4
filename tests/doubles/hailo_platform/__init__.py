"""A double of HailoRT's Python package, versions 4.20 to 4.23: same names, same behaviour, no chip.

What it reproduces is tested in ``tests/doubles_behave/``. Faults are set up through
:mod:`hailo_platform.world`, which the real package does not have. What nobody here calls is left out: the
older vstream API, NMS outputs, several inputs or outputs, ``multi_process_service``.
"""

from typing import Any

from hailo_platform.pyhailort.pyhailort import (
    HEF,
    AsyncInferJob,
    Device,
    FormatOrder,
    FormatType,
    HailoCommunicationClosedException,
    HailoPowerMode,
    HailoRTException,
    HailoRTStreamAbortedByUser,
    HailoSchedulingAlgorithm,
    VDevice,
)
from hailo_platform.world import world

__all__ = [
    "HEF",
    "AsyncInferJob",
    "Device",
    "FormatOrder",
    "FormatType",
    "HailoCommunicationClosedException",
    "HailoPowerMode",
    "HailoRTException",
    "HailoRTStreamAbortedByUser",
    "HailoSchedulingAlgorithm",
    "VDevice",
]


def __getattr__(name: str) -> Any:
    """``__version__`` is the version that is played at the moment."""
    if name == "__version__":
        world.look()
        return world.version
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
