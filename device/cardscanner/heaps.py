"""Keeping the C library's heaps few and returning what they no longer need.

glibc gives each new thread a heap of its own, up to eight for each core, and never unmaps one. A scanner
that reads its configuration again starts its threads anew: frames and networks then come to lie in one heap
after the other, and each keeps what its busiest moment took (measured: 20 to 60 MB for each reload, until
there are no more heaps to be had). Two are enough for a handful of threads that mostly wait.
"""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8
"""See mallopt(3)."""
HEAPS = 2


def keep_heaps_few() -> None:
    """Let all threads share :data:`HEAPS` heaps; call it before the first thread starts."""
    if (mallopt := _glibc("mallopt")) is not None:
        mallopt(_M_ARENA_MAX, HEAPS)


def return_memory() -> None:
    """Give the kernel every free page back; takes milliseconds, so not amid scanning."""
    if (malloc_trim := _glibc("malloc_trim")) is not None:
        malloc_trim(0)


def _glibc(name: str) -> ctypes._NamedFuncPointer | None:
    """Return one of glibc's own functions; ``None``: another C library, which has no such heaps."""
    return getattr(ctypes.CDLL(None), name, None)
