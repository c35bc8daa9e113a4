"""Acks: which delivered rows a consumer has not confirmed yet.

A broker's acknowledgement says that the broker has a message, not that anybody has dealt with it. Where
consumers are named in the configuration, a row counts as arrived only when each of them has said so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from cardscanner.publish.pacing import Backoff
from cardscanner.publish.rows import Row

FIRST_S, CAP_S = 30.0, 600.0
"""Rows that nobody confirms are sent again after so long, then after twice as long, and so on."""


class Acks:
    """Rows by sequence number; with no consumers it holds nothing. The outbox's lock guards it."""

    def __init__(self, consumers: Iterable[str] = (), clock_s: Callable[[], float] = time.monotonic) -> None:
        self._confirmed = dict.fromkeys(consumers, 0)
        self._handed: dict[int, Row] = {}
        self._clock_s = clock_s
        self._backoff = Backoff(FIRST_S, CAP_S)
        self._again_s = 0.0

    def hand(self, row: Row) -> bool:
        """The broker has a row; return whether that is all that is needed."""
        if row.seq <= self._low:
            return True
        if not self._handed:
            self._again_s = self._clock_s() + self._backoff.next_s()
        self._handed[row.seq] = row
        return False

    def confirm(self, consumer: str, seq: int) -> list[Row]:
        """A consumer has everything up to ``seq``; return the rows that all of them have now."""
        before = self._low
        self._confirmed[consumer] = max(seq, self._confirmed[consumer])
        if self._low == before:
            return []
        done = [self._handed.pop(each) for each in sorted(self._handed) if each <= self._low]
        self._backoff.reset()
        if self._handed:
            self._again_s = self._clock_s() + self._backoff.next_s()
        return done

    def take_back(self) -> bool:
        """Forget what was handed over too long ago, so that it is sent again; return whether there is any."""
        if not self._handed or self._clock_s() < self._again_s:
            return False
        self._handed.clear()
        return True

    def begin_again(self) -> None:
        """A new epoch: nothing that was confirmed means anything in it."""
        self._handed.clear()
        self._confirmed = dict.fromkeys(self._confirmed, 0)

    def knows(self, consumer: str) -> bool:
        """Tell whether this consumer's word is waited for."""
        return consumer in self._confirmed

    def __contains__(self, seq: int) -> bool:
        return seq in self._handed

    def __len__(self) -> int:
        return len(self._handed)

    @property
    def _low(self) -> float:
        return min(self._confirmed.values(), default=float("inf"))
