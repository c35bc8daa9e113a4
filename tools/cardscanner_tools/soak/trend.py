"""Does something grow? A line through a short, noisy run, and how sure one can be of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

_T95 = {1: 12.7, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 10: 2.23, 15: 2.13}
"""Student's t, two-sided 95 %, by degrees of freedom; those between take the next lower one's."""
_T95_MANY = 2.09
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Trend:
    """Growth per day with its 95 % interval, and what the line gains over the window."""

    per_day: float
    low: float
    high: float
    gained: float

    def proves_more_than(self, per_day: float, noise: float) -> bool:
        """Whether growth beyond a limit is certain: the interval lies above it, and the gain above the noise.

        ``noise`` is what an allocator may keep in one run without ever keeping more.
        """
        return self.low > per_day and self.gained > noise


def trend(at_s: Sequence[float], values: Sequence[float], blocks: int = 24) -> Trend:
    """Fit a line by least squares to the medians of equal blocks of time.

    Memory walks rather than jitters, so neighbouring blocks know of each other: the standard error is widened
    by the first autocorrelation r of the residuals, sqrt((1 + r) / (1 - r)), as for an AR(1) process.

    Raises
    ------
    ValueError
        Too few values.
    """
    if len(at_s) < 4 * blocks:
        raise ValueError(f"{len(at_s)} values are too few for a line: let it run for at least 3 minutes")
    x, y = _blocks(at_s, values, (at_s[-1] - at_s[0]) / blocks)
    slope, start = np.polyfit(x, y, 1)
    residual = y - (slope * x + start)
    spread = float(((x - x.mean()) ** 2).sum())
    error = float(np.sqrt((residual**2).sum() / (len(x) - 2) / spread))
    error *= _widening(residual) * _t95(len(x) - 2)
    span_s = float(x[-1] - x[0])
    return Trend(slope * DAY_S, (slope - error) * DAY_S, (slope + error) * DAY_S, float(slope) * span_s)


def levels(at_s: Sequence[float], values: Sequence[float], share: float = 0.25) -> tuple[float, float]:
    """Return the median of the first and of the last part of a window: equal for what is flat."""
    begin, end = at_s[0], at_s[-1]
    part = (end - begin) * share
    first = [value for at, value in zip(at_s, values, strict=True) if at <= begin + part]
    last = [value for at, value in zip(at_s, values, strict=True) if at >= end - part]
    return median(first), median(last)


def _blocks(
    at_s: Sequence[float], values: Sequence[float], block_s: float
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    blocks: dict[int, list[tuple[float, float]]] = {}
    for at, value in zip(at_s, values, strict=True):
        blocks.setdefault(int((at - at_s[0]) // block_s), []).append((at, value))
    x = [median(at for at, _ in block) for block in blocks.values()]
    y = [median(value for _, value in block) for block in blocks.values()]
    return np.array(x, np.float64), np.array(y, np.float64)


def _widening(residual: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    whole = float((residual**2).sum())
    r = float((residual[1:] * residual[:-1]).sum()) / whole if whole > 0 else 0.0
    r = min(max(r, 0.0), 0.9)
    return float(np.sqrt((1 + r) / (1 - r)))


def _t95(freedom: int) -> float:
    known = max(each for each in _T95 if each <= freedom)
    return _T95_MANY if freedom >= 20 else _T95[known]
