"""StageTimes: how long each stage of a frame took, as a histogram that any thread may read."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper ends of the buckets; the last bucket has none."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """One stage."""

    counts: tuple[int, ...]
    """Frames in each bucket, one more than there are bounds."""
    sum_s: float


class StageTimes:
    """Written by the scan thread: a few additions a frame."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, list[int]] = {}
        self._sums_s: dict[str, float] = {}

    def observe(self, stages_ms: Mapping[str, float]) -> None:
        """Take in one frame: milliseconds by stage."""
        with self._lock:
            for stage, ms in stages_ms.items():
                counts = self._counts.setdefault(stage, [0] * (len(BOUNDS_S) + 1))
                counts[bisect_left(BOUNDS_S, ms / 1000)] += 1
                self._sums_s[stage] = self._sums_s.get(stage, 0.0) + ms / 1000

    def histograms(self) -> dict[str, Histogram]:
        """Return each stage as it is now."""
        with self._lock:
            return {
                stage: Histogram(tuple(counts), self._sums_s[stage]) for stage, counts in self._counts.items()
            }
