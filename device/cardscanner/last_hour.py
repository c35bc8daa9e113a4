"""How many things happened in the last hour, in sixty numbers however many there were."""

from __future__ import annotations

from collections import deque

_MINUTE_S = 60.0
_MINUTES = 60


class LastHour:
    """Counts by the minute. All times are seconds of one monotonic clock; not safe for several threads."""

    def __init__(self) -> None:
        self._minutes: deque[list[int]] = deque()
        """Pairs of a minute and how many happened in it, the oldest first."""

    def count(self, now_s: float) -> None:
        """One more."""
        minute = int(now_s // _MINUTE_S)
        self._forget(minute)
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append([minute, 0])
        self._minutes[-1][1] += 1

    def total(self, now_s: float) -> int:
        """Return how many there were in this minute and the 59 before it."""
        self._forget(int(now_s // _MINUTE_S))
        return sum(many for _, many in self._minutes)

    def _forget(self, minute: int) -> None:
        while self._minutes and self._minutes[0][0] <= minute - _MINUTES:
            self._minutes.popleft()
