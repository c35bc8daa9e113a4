"""When to try again, and how fast to go."""

from __future__ import annotations

import random


class Backoff:
    """Delays that double from ``first_s`` to ``cap_s``, each with a fifth of jitter either way."""

    def __init__(self, first_s: float, cap_s: float) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._tries = 0

    def next_s(self) -> float:
        """Return the next delay."""
        delay_s = min(self._cap_s, self._first_s * 2.0 ** min(self._tries, 30))
        self._tries += 1
        return delay_s * random.uniform(0.8, 1.2)

    def reset(self) -> None:
        """Begin with the shortest delay again."""
        self._tries = 0


class Pace:
    """A token bucket: ``per_s`` on average, at most ``burst`` at once."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled_s = 0.0

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until one may go."""
        self._fill(now_s)
        return max(0.0, (1.0 - self._tokens) / self._per_s)

    def take(self, now_s: float) -> None:
        """One goes."""
        self._fill(now_s)
        self._tokens -= 1.0

    def _fill(self, now_s: float) -> None:
        passed_s = max(0.0, now_s - self._filled_s)
        self._tokens = min(self._burst, self._tokens + passed_s * self._per_s)
        self._filled_s = now_s
