"""The network says where cards are, edges say where exactly: choosing among readings of one place.

The network sees every card, a few hundredths of its width off; the classical finder measures edges to a
fraction of a pixel, but may take half a card, or the frame inside it, for the card. So each of the network's
outlines chooses: the reading that looks most like a card among those that are close to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.field import Floats
from cardscanner.detect.judging import Judged, judge_quads
from cardscanner.detect.keep import quad_areas
from cardscanner.detect.pyramid import Pyramid
from cardscanner.geometry import iou

_SPREAD = 0.15
"""Sigma of the distance at which a reading is still believed, in square roots of the outline's area."""
_FAR = 0.3
"""Mean corner distance from which a reading is of something else."""
_LEAST = 0.05
"""Readings that look less like a card than this are worse than the network's own outline."""
_GROWTH = (0.94, 1.0, 1.06)
_SHIFTS = (-0.05, 0.0, 0.05)
_ALIKE = 0.88
"""Intersection over union from which two readings are one."""
_NEARLY = 1.5
"""Log-odds that another reading may be behind the best one to be worth embedding too."""
_MOST_OTHERS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One card: the best reading of its place, and others that are nearly as good."""

    corners: Floats
    """(4, 2) picture pixels, clockwise."""
    others: tuple[Floats, ...]


def settle(pyramid: Pyramid, quad: Floats, pool: Judged) -> Place:
    """Choose the reading of a network's outline (4, 2): from the pool, or grown and shifted from itself."""
    size = float(np.sqrt(quad_areas(quad[None])[0]))
    near = np.abs(pool.corners.mean(axis=1) - quad.mean(axis=0)).max(axis=1) < _FAR * size
    readings = judge_quads(pyramid, around(quad)).with_(pool.take(np.flatnonzero(near)))
    away = distances(readings.corners, quad) / size
    readings = readings.take(kept := np.flatnonzero((away < _FAR) & (readings.score > _LEAST)))
    if len(readings) == 0:
        return Place(quad, ())
    odds = np.log(readings.score) - np.log1p(1e-6 - readings.score)
    value = odds - 0.5 * (away[kept] / _SPREAD) ** 2
    order = np.argsort(-value)
    best = readings.corners[order[0]]
    return Place(best, _others(readings.corners[order], value[order]))


def _others(corners: Floats, value: Floats) -> tuple[Floats, ...]:
    chosen: list[Floats] = []
    for reading, worth in zip(corners[1:], value[1:], strict=True):
        if worth < value[0] - _NEARLY or len(chosen) == _MOST_OTHERS:
            break
        if all(iou(reading, each) < _ALIKE for each in (corners[0], *chosen)):
            chosen.append(reading)
    return tuple(chosen)


def around(quad: Floats) -> Floats:
    """Outlines (N, 4, 2) like this one, a little wider, narrower, higher, lower and shifted."""
    across = (quad[1] + quad[2] - quad[0] - quad[3]) / 4
    down = (quad[2] + quad[3] - quad[0] - quad[1]) / 4
    axes = np.stack([across, down], axis=1)
    middle = quad.mean(axis=0)
    inner = np.linalg.solve(axes, (quad - middle).T).T
    grown = [
        inner * [wide, high] + [right, below]
        for wide in _GROWTH
        for high in _GROWTH
        for right in _SHIFTS
        for below in _SHIFTS
    ]
    return np.asarray(np.stack(grown) @ axes.T + middle, np.float32)


def distances(corners: Floats, quad: Floats) -> NDArray[np.float32]:
    """Mean distance (N,) of the corners of quads (N, 4, 2) from those of one, whichever comes first."""
    turns = [np.linalg.norm(np.roll(corners, turn, axis=1) - quad, axis=2).mean(axis=1) for turn in range(4)]
    return np.asarray(np.min(turns, axis=0), np.float32)
