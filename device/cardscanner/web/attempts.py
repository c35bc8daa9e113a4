"""Attempts: how often somebody may try to log in.

The steps are those that Frigate documents as an example: 1 a second, 5 a minute, 20 an hour.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

STEPS = ((1.0, 1), (60.0, 5), (3600.0, 20))
"""(seconds, attempts within them)."""

MOST_KEYS = 4096
"""Addresses and names that are remembered; those not heard of for the longest go first."""


class Attempts:
    """Counts failed attempts by address and by name. Safe to use from several threads."""

    def __init__(
        self, clock_s: Callable[[], float] = time.monotonic, steps: Sequence[tuple[float, int]] = STEPS
    ) -> None:
        self._clock_s = clock_s
        self._steps = steps
        self._lock = threading.Lock()
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, *keys: str) -> int:
        """Count an attempt, and return 0; or return how many whole seconds to wait, and count nothing.

        It counts before it is made, so that many at once are not more than many in a row; :meth:`succeeded`
        takes it back.
        """
        now = self._clock_s()
        with self._lock:
            wait_s = max(self._wait_s(key, now) for key in keys)
            if wait_s > 0:
                return math.ceil(wait_s)
            for key in keys:
                self._times.setdefault(key, deque()).append(now)
                self._times.move_to_end(key)
            while len(self._times) > MOST_KEYS:
                self._times.popitem(last=False)
        return 0

    def succeeded(self, *keys: str) -> None:
        """The attempt was no guess: what these keys tried before is forgotten."""
        with self._lock:
            for key in keys:
                self._times.pop(key, None)

    def _wait_s(self, key: str, now: float) -> float:
        times = self._times.get(key, deque())
        longest = max(span for span, _ in self._steps)
        while times and times[0] <= now - longest:
            times.popleft()
        waits = [0.0]
        for span_s, most in self._steps:
            if len(times) >= most:
                waits.append(times[-most] + span_s - now)
        return max(waits)
