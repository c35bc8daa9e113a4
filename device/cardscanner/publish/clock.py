"""What the machine's clocks are worth: is the wall clock set, and which boot do monotonic times belong to.

systemd-timesyncd (the default on Raspberry Pi OS and Debian) touches a file at each synchronisation; it is
asked first because a hardened service may not be allowed the system call. chrony and ntpd leave no such file
but tell the kernel, which ``adjtimex`` reports; where that call is forbidden, the clock counts as unset: a
wrong "unsynced" costs nothing, a wrong "ntp" makes consumers trust a wrong time.
"""

from __future__ import annotations

import ctypes
import time
from functools import cache
from pathlib import Path

TIMESYNC_MARK = Path("/run/systemd/timesync/synchronized")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR = 5
_STA_UNSYNC = 0x0040


class KernelClock(ctypes.Structure):
    """``struct timex`` of adjtimex(2), up to the fields that are read here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("rest", ctypes.c_byte * 120),
    )


def clock_synced(mark: Path = TIMESYNC_MARK) -> bool:
    """Tell whether the wall clock has been set from the network since the machine started."""
    if mark.exists():
        return True
    read = read_kernel_clock()
    if read is None:
        return False
    state, clock = read
    return state != _TIME_ERROR and not clock.status & _STA_UNSYNC


def read_kernel_clock() -> tuple[int, KernelClock] | None:
    """Return the kernel's clock state and figures; ``None`` where a sandbox forbids asking."""
    clock = KernelClock(modes=0)
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(clock))
    return None if state < 0 else (state, clock)


@cache
def boot_id() -> str:
    """Return eight characters that differ between boots; monotonic times are comparable within one."""
    if _BOOT_ID.is_file():
        return _BOOT_ID.read_text(encoding="ascii").strip()[:8]
    return f"{int(time.time() - time.monotonic()):08x}"[-8:]
