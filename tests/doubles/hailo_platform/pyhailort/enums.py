"""Enumerations that behave like pybind11's: not integers, but ``int()`` and ``str()`` work as there."""

from enum import Enum, IntEnum


class BoundEnum(Enum):
    """Printed as ``Class.MEMBER``, equal only to itself."""

    def __int__(self) -> int:
        return self.value

    def __str__(self) -> str:
        return f"{type(self).__name__}.{self.name}"


class FormatType(BoundEnum):
    AUTO = 0
    UINT8 = 1
    UINT16 = 2
    FLOAT32 = 3


class FormatOrder(BoundEnum):
    AUTO = 0
    NHWC = 1
    NHCW = 2
    FCR = 3
    F8CR = 4
    NHW = 5
    NC = 6
    HAILO_NMS_BY_CLASS = 22


class StreamDirection(BoundEnum):
    H2D = 0
    D2H = 1


class SchedulingAlgorithm(BoundEnum):
    NONE = 0
    ROUND_ROBIN = 1


class PowerMode(BoundEnum):
    PERFORMANCE = 0
    ULTRA_PERFORMANCE = 1


class NotificationId(BoundEnum):
    HEALTH_MONITOR_TEMPERATURE_ALARM = 3
    HEALTH_MONITOR_CLOCK_CHANGED_EVENT = 9


class DeviceArchitectureTypes(IntEnum):
    """This one is Python's own in the real package too."""

    HAILO8_A0 = 0
    HAILO8 = 1
    HAILO8L = 2
    HAILO15H = 3

    def __str__(self) -> str:
        return self.name
