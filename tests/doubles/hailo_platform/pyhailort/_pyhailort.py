"""The part that is compiled C++ in the real package: raw exceptions, enumerations, parameter structs."""

from __future__ import annotations

from typing import Any

from hailo_platform.pyhailort.enums import (
    FormatOrder,
    FormatType,
    NotificationId,
    PowerMode,
    SchedulingAlgorithm,
    StreamDirection,
)
from hailo_platform.pyhailort.statuses import name_of, spoken
from hailo_platform.world import world

__all__ = [
    "FormatOrder",
    "FormatType",
    "HailoRTCustomException",
    "HailoRTException",
    "HailoRTStatusException",
    "NotificationId",
    "PowerMode",
    "SchedulingAlgorithm",
    "StreamDirection",
    "VDeviceParams",
    "check",
    "get_status_message",
]


class HailoRTException(Exception):
    """Not related to the class of the same name in ``pyhailort.pyhailort``."""


class HailoRTCustomException(Exception):
    """Refusals of the binding itself, with a text."""


class HailoRTStatusException(Exception):
    """A status of libhailort; the text is the number."""


def check(status: int) -> None:
    """Raise a status that is not success."""
    if status:
        raise HailoRTStatusException(str(spoken(status)))


def get_status_message(status: int) -> str:
    return name_of(status)


class VDeviceParams:
    """Parameters of a virtual device, with the setters' type checks."""

    def __init__(self) -> None:
        self._scheduler = SchedulingAlgorithm.NONE
        self.group_id = "UNIQUE"
        self.multi_process_service = False
        self.device_count = 1
        self.device_ids: list[str] = []

    @staticmethod
    def default() -> VDeviceParams:
        return VDeviceParams()

    @property
    def scheduling_algorithm(self) -> int:
        return int(self._scheduler)

    @scheduling_algorithm.setter
    def scheduling_algorithm(self, value: Any) -> None:
        if not isinstance(value, SchedulingAlgorithm):
            raise TypeError(f"(): incompatible function arguments: {value!r}")
        self._scheduler = value


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return world.version
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
