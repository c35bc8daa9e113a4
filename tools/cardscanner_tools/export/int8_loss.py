"""What 8 bits cost: cosine to the float model, retrieval on rendered captures, time."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

import numpy as np

from cardscanner.ports import Embedder
from cardscanner.records import Batch
from cardscanner_tools.export.trial import Trial, cosines, embedded, top1

_TIMED_CALLS = 30
_WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Loss:
    """Float model against its 8-bit form, on captures that neither was calibrated with."""

    gallery: int
    queries: int
    cosine_mean: float
    cosine_p5: float
    cosine_p1: float
    """Captures in float against the same captures in 8 bits."""
    top1_fp32: float
    top1_int8: float
    """Gallery and captures in the same form."""
    top1_cross: float
    """Gallery in float, captures in 8 bits: a database that was built without the chip."""
    ms_fp32: float
    ms_int8: float
    """One crop on one thread, median."""

    @property
    def points_lost(self) -> float:
        """Percentage points of top-1 that 8 bits cost."""
        return 100 * (self.top1_fp32 - self.top1_int8)

    @property
    def points_lost_cross(self) -> float:
        """Percentage points of top-1 when only the captures are in 8 bits."""
        return 100 * (self.top1_fp32 - self.top1_cross)

    @property
    def time_ratio(self) -> float:
        """Time in 8 bits by time in float."""
        return self.ms_int8 / self.ms_fp32

    def document(self) -> dict[str, float | int]:
        """Return everything for JSON."""
        derived = {
            "points_lost": self.points_lost,
            "points_lost_cross": self.points_lost_cross,
            "time_ratio": self.time_ratio,
        }
        return asdict(self) | {name: round(value, 4) for name, value in derived.items()}

    def table(self) -> str:
        """Return everything for people."""
        alike = f"mean {self.cosine_mean:.5f}   p5 {self.cosine_p5:.5f}   p1 {self.cosine_p1:.5f}"
        both, cross = f"loses {self.points_lost:+.2f} points", f"loses {self.points_lost_cross:+.2f} points"
        times = f"fp32 {self.ms_fp32:.1f} ms   int8 {self.ms_int8:.1f} ms   ratio {self.time_ratio:.2f}"
        lines = (
            f"cosine int8 to fp32, {self.queries} captures   {alike}",
            f"top-1 of {self.queries} captures among {self.gallery} cards, half of them hard",
            f"  gallery fp32, capture fp32   {self.top1_fp32:7.2%}",
            f"  gallery int8, capture int8   {self.top1_int8:7.2%}   {both}",
            f"  gallery fp32, capture int8   {self.top1_cross:7.2%}   {cross}",
            f"one crop, one thread   {times}",
        )
        return "\n".join(lines)


def measure_loss(fp32: Embedder, int8: Embedder, trial: Trial) -> Loss:
    """Hold both forms against each other."""
    gallery, queries = (
        embedded(fp32, trial.gallery, "fp32 gallery"),
        embedded(fp32, trial.queries, "fp32 captures"),
    )
    coarse = embedded(int8, trial.gallery, "int8 gallery"), embedded(int8, trial.queries, "int8 captures")
    alike = cosines(queries, coarse[1])
    slow, fast = _medians_ms(fp32, int8, trial.queries[:1])
    return Loss(
        gallery=len(gallery),
        queries=len(queries),
        cosine_mean=float(alike.mean()),
        cosine_p5=float(np.quantile(alike, 0.05)),
        cosine_p1=float(np.quantile(alike, 0.01)),
        top1_fp32=top1(gallery, queries),
        top1_int8=top1(*coarse),
        top1_cross=top1(gallery, coarse[1]),
        ms_fp32=slow,
        ms_int8=fast,
    )


def _medians_ms(one: Embedder, other: Embedder, crop: Batch) -> tuple[float, float]:
    """Return the median time of each, taken in turns: whatever else the machine does slows both."""
    times = np.array([[_ms(one, crop), _ms(other, crop)] for _ in range(_TIMED_CALLS + _WARM_UP)])
    first, second = np.median(times[_WARM_UP:], axis=0)
    return float(first), float(second)


def _ms(embedder: Embedder, crop: Batch) -> float:
    started = time.perf_counter()
    embedder.embed(crop)
    return (time.perf_counter() - started) * 1000
