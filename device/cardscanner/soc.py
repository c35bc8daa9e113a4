"""The processor's temperature, and what the Pi's firmware says about power and heat."""

from __future__ import annotations

from pathlib import Path

THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")
THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")

_LOW_NOW = 1 << 0
_HELD_BACK_NOW = 1 << 1 | 1 << 2 | 1 << 3


def soc_temperature_c(path: Path = THERMAL) -> float | None:
    """Return the processor's temperature in degrees Celsius, or ``None`` where it is not told."""
    try:
        return int(path.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        return None


def throttled_bits(path: Path = THROTTLED) -> int:
    """Return the firmware's throttling bits; 0 where there are none."""
    try:
        return int(path.read_text(encoding="ascii"), 16)
    except (OSError, ValueError):
        return 0


def power_reasons(bits: int) -> tuple[str, ...]:
    """Return what is wrong now, in the words of ``state.reasons``."""
    low = ("power_low",) if bits & _LOW_NOW else ()
    return (*low, "power_hot") if bits & _HELD_BACK_NOW else low
