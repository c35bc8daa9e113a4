"""How hard the finder looks: the two settings behind ``FinderConfig.effort``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """Limits on the work of each step; they bound the time on cluttered pictures."""

    side_px: int
    """Longer side of the reduced picture in which lines are sought."""
    segments: int
    """Longest segments that are joined to lines."""
    lines: int
    """Segments that become lines; their unions come on top."""
    cycles: int
    """Cycles of four lines that are tried."""
    bends: int
    """Shapes of three lines that are tried."""
    quads: int
    """Best covered quads kept of the cycles, and as many of the bends."""
    per_glance: int
    """Quads of one place that are glanced at in the gradient field ..."""
    glances: int
    """... and of all places together."""
    min_glance: float
    """Log-odds that a quad must reach in the glance to be looked at closely."""
    per_look: int
    """Quads of one place that are refined and judged ..."""
    looks: int
    """... and of all places together."""
    hops: int
    """How often the neighbouring readings of a kept quad are tried."""
    hop_from: float
    hop_to: float
    """Quads scored between these try their neighbouring readings."""
    tiles: int = 1
    """Small cards are sought again in so many rows and columns of overlapping tiles."""


LIVE = Effort(
    side_px=426,
    segments=120,
    lines=60,
    cycles=20_000,
    bends=1_500,
    quads=300,
    per_glance=8,
    glances=400,
    min_glance=0.0,
    per_look=3,
    looks=80,
    hops=1,
    hop_from=0.15,
    hop_to=0.7,
)
"""A frame of a running camera: about 10 ms for a card on a table, 1280 x 720 pixels."""

THOROUGH = Effort(
    side_px=480,
    segments=300,
    lines=200,
    cycles=60_000,
    bends=12_000,
    quads=2_000,
    per_glance=40,
    glances=1_500,
    min_glance=-0.5,
    per_look=8,
    looks=250,
    hops=2,
    hop_from=0.05,
    hop_to=1.0,
    tiles=3,
)
"""A photo of anything: some 60 ms, a second for a full binder page of small cards."""
