"""Which frame of a recording is due: whole-number arithmetic on the monotonic clock, so nothing drifts.

Tick n is due at start + n / fps. Ticks only count up; a looping recording shows tick n as frame n modulo its
length.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction

_SECOND_NS = 1_000_000_000

Clock = Callable[[], int]
"""Monotonic nanoseconds."""


class Pace:
    """Ticks at ``fps``, the first at the first question."""

    def __init__(self, fps: float, clock: Clock = time.monotonic_ns) -> None:
        rate = Fraction(fps)
        self._frames, self._per_ns = rate.numerator, rate.denominator * _SECOND_NS
        self._clock = clock
        self._start_ns: int | None = None
        self._last = -1

    def wait_ns(self) -> int:
        """Nanoseconds until there is a tick that was not taken yet; 0 when there is one."""
        return max(0, self.due_ns(self._last + 1) - self._clock())

    def take(self) -> int:
        """Return the tick that is due now: the newest, past those that came and went unseen.

        Raises
        ------
        ValueError
            No new tick is due: :meth:`wait_ns` is not 0.
        """
        elapsed_ns = self._clock() - self._started_ns()
        tick = elapsed_ns * self._frames // self._per_ns
        if tick <= self._last:
            raise ValueError(f"tick {self._last + 1} is not due yet")
        self._last = tick
        return tick

    def due_ns(self, tick: int) -> int:
        """When a tick is due, in the clock's nanoseconds, rounded up."""
        return self._started_ns() - (-tick * self._per_ns // self._frames)

    def _started_ns(self) -> int:
        if self._start_ns is None:
            self._start_ns = self._clock()
        return self._start_ns
