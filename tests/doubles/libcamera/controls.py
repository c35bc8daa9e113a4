"""Enumerations of libcamera controls; pybind enumerations have ``__members__`` too."""

from enum import IntEnum


class AfModeEnum(IntEnum):
    Manual = 0
    Auto = 1
    Continuous = 2


class AwbModeEnum(IntEnum):
    Auto = 0
    Incandescent = 1
    Tungsten = 2
    Fluorescent = 3
    Indoor = 4
    Daylight = 5
    Cloudy = 6
    Custom = 7


class draft:
    class NoiseReductionModeEnum(IntEnum):
        Off = 0
        Fast = 1
        HighQuality = 2
        Minimal = 3
        ZSL = 4
