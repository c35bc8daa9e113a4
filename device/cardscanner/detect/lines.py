"""Lines: segments, and collinear segments joined across gaps (glare, fingers, text touching the edge)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.field import Floats

Bools = NDArray[np.bool_]

_MIN_BEND_COS = np.float32(np.cos(np.radians(6.0)))
_GAPS = (0.5, 2.0)
"""Longest gap that the first and the second joining bridge, in lengths of the longer line."""
_SHARES = (1.0, 0.5, 0.3)
"""How many segments, unions and unions of unions are kept, as shares of the wanted number."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """N lines, best covered first."""

    centre: Floats
    """(N, 2)."""
    direction: Floats
    """(N, 2) unit vectors."""
    start: Floats
    """(N,) first covered place, pixels from the centre along the direction."""
    end: Floats
    covered: Floats
    """(N,) pixels of edge between start and end."""

    def __len__(self) -> int:
        return len(self.centre)

    @property
    def length(self) -> Floats:
        """(N,) pixels from start to end."""
        return self.end - self.start

    @property
    def density(self) -> Floats:
        """Share (N,) of the stretch between start and end on which there is an edge."""
        return np.asarray(self.covered / np.maximum(self.length, 1e-6), dtype=np.float32)

    def take(self, index: NDArray[np.int64] | slice) -> Lines:
        """Return a choice of the lines."""
        return Lines(
            self.centre[index], self.direction[index], self.start[index], self.end[index], self.covered[index]
        )

    def ends(self) -> tuple[Floats, Floats]:
        """First and last points (N, 2)."""
        return (
            self.centre + self.direction * self.start[:, None],
            self.centre + self.direction * self.end[:, None],
        )

    def locate(self, points: Floats) -> tuple[Floats, Floats]:
        """Places (N, M) of M points along each line, and their signed distances from it."""
        dx, dy = self.direction[:, :1], self.direction[:, 1:]
        to_x = points[:, 0] - self.centre[:, :1]
        to_y = points[:, 1] - self.centre[:, 1:]
        return to_x * dx + to_y * dy, to_y * dx - to_x * dy


def join_segments(segments: Floats, most: int) -> Lines:
    """Return segments (N, 4), longest first, and their collinear unions, without repetitions.

    Unions are joined once more across wider gaps. About 1.8 ``most`` lines come back: each kind has a quota,
    because on a full page the unions would crowd out the sides of single cards.
    """
    first, second = segments[:, :2], segments[:, 2:]
    length = np.hypot(*(second - first).T)
    centre = np.asarray((first + second) / 2, dtype=np.float32)
    single = Lines(centre, (second - first) / length[:, None], -length / 2, length / 2, length)
    if len(single) < 2:
        return single
    unions = _unions(single, _GAPS[0])
    seeds = _without_repetition(_merged(single, unions), most)
    wider = _unions(seeds, _GAPS[1])
    kept = [
        kind.take(slice(0, round(share * most)))
        for kind, share in zip((single, unions, wider), _SHARES, strict=True)
    ]
    return _without_repetition(_merged(*kept), 2 * most)


def _merged(*kinds: Lines) -> Lines:
    columns = ("centre", "direction", "start", "end", "covered")
    both = Lines(*(np.concatenate([getattr(kind, column) for kind in kinds]) for column in columns))
    return both.take(np.argsort(-both.covered))


def _unions(lines: Lines, max_gap: float) -> Lines:
    """One line for each different set of at least two collinear lines, fitted by second moments."""
    first, second = lines.ends()
    together = _collinear(lines, first, second, max_gap)
    together = together[together.sum(axis=1) > 1]
    if len(together) == 0:
        return lines.take(slice(0, 0))
    _, chosen = np.unique(np.packbits(together, axis=1), axis=0, return_index=True)
    together = together[chosen]
    centre, direction, total = _fit(together * lines.covered, first, second)
    line = Lines(centre, direction, total, total, total)
    place = line.locate(np.concatenate([first, second]))[0]
    twice = np.concatenate([together, together], axis=1)
    start = np.where(twice, place, np.inf).min(axis=1)
    end = np.where(twice, place, -np.inf).max(axis=1)
    fitted = Lines(centre, direction, start, end, np.minimum(total, end - start))
    return fitted.take(np.argsort(-fitted.covered))


def _collinear(lines: Lines, first: Floats, second: Floats, max_gap: float) -> Bools:
    count = len(lines)
    place, off = lines.locate(np.concatenate([first, second]))
    near, far = place[:, :count], place[:, count:]
    low, high = np.minimum(near, far), np.maximum(near, far)
    length = lines.length
    gap = np.maximum(low - lines.end[:, None], lines.start[:, None] - high)
    together = gap < np.float32(max_gap) * np.maximum(length[:, None], length)
    np.abs(off, out=off)
    tolerance = np.float32(1.2) + np.float32(0.012) * np.maximum(np.abs(low), np.abs(high))
    together &= np.maximum(off[:, :count], off[:, count:]) < tolerance
    together &= np.abs(lines.direction @ lines.direction.T) > _MIN_BEND_COS
    np.fill_diagonal(together, True)
    return together


def _fit(weight: Floats, first: Floats, second: Floats) -> tuple[Floats, Floats, Floats]:
    """Centre, direction and total weight of the stretches ``first`` to ``second``, weighted by each row."""
    weight = weight.astype(np.float64)
    total = weight.sum(axis=1)
    x, y = ((first + second) / 2).astype(np.float64).T
    across, down = (second - first).astype(np.float64).T
    moments = np.stack(
        [x, y, x * x + across * across / 12, y * y + down * down / 12, x * y + across * down / 12], axis=1
    )
    mean = (weight @ moments) / total[:, None]
    cx, cy = mean[:, 0], mean[:, 1]
    angle = 0.5 * np.arctan2(2 * (mean[:, 4] - cx * cy), mean[:, 2] - cx * cx - mean[:, 3] + cy * cy)
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    return mean[:, :2].astype(np.float32), direction, total.astype(np.float32)


def _without_repetition(lines: Lines, most: int) -> Lines:
    """Drop a line when a better covered one has nearly the same ends."""
    lines = lines.take(slice(0, 3 * most))
    first, second = lines.ends()
    back = np.where(np.abs(lines.direction[:, 0]) > 0.7, lines.direction[:, 0], lines.direction[:, 1]) < 0
    first, second = np.where(back[:, None], second, first), np.where(back[:, None], first, second)
    same = np.tri(len(lines), k=-1, dtype=bool)
    for value in (*first.T, *second.T):
        same &= np.abs(value[:, None] - value) < 3.0
    row, column = np.nonzero(same)
    normal = np.stack([-lines.direction[:, 1], lines.direction[:, 0]], axis=1)[row]
    for point in (first, second):
        close = np.abs(((point[column] - lines.centre[row]) * normal).sum(axis=1)) < 1.0
        row, column, normal = row[close], column[close], normal[close]
    kept = np.ones(len(lines), dtype=bool)
    kept[row] = False
    return lines.take(np.flatnonzero(kept)[:most])
