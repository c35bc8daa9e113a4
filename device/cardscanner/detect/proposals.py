"""Quads from lines: every cycle of four lines that may be the outline of a card."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.field import Floats
from cardscanner.detect.lines import Lines

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What a card outline may look like, in reduced pixels."""

    min_side_px: float = 14.0
    min_corner_sin: float = 0.74
    """Sine of the sharpest corner angle (48 degrees)."""
    min_parallel_cos: float = 0.85
    """Opposite sides differ by at most 32 degrees."""
    reach: float = 0.7
    """A line is extended towards a corner by at most this share of its length ..."""
    reach_px: float = 4.0
    """... and this much."""
    min_aspect: float = 0.4
    max_aspect: float = 0.98
    max_taper: float = 1.6
    """Longest over shortest of two opposite sides."""
    min_covered: float = 0.15
    """Least share of each side on which an edge was found ..."""
    mean_covered: float = 0.5
    """... and of all four on average."""


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """N possible outlines."""

    corners: Floats
    """(N, 4, 2) clockwise, in reduced pixels."""
    covered: Floats
    """(N, 4) share of each side (corner 0 to 1, 1 to 2, ...) on which an edge was found."""

    def take(self, index: Ints) -> Proposals:
        """Return a choice of the outlines."""
        return Proposals(self.corners[index], self.covered[index])


def no_proposals() -> Proposals:
    """Nothing that could be a card."""
    return Proposals(np.zeros((0, 4, 2), np.float32), np.zeros((0, 4), np.float32))


def propose_quads(lines: Lines, meetings: Meetings, limits: Limits, most: int, work: int) -> Proposals:
    """Return the ``most`` best covered outlines made of four of the lines; try about ``work`` cycles."""
    cycles = _cycles(lines, meetings, work)
    corners, covered = _outlines(lines, meetings.place, cycles)
    good = _plausible(corners, covered, limits)
    corners, covered = corners[good], covered[good]
    if len(corners) > most:
        rank = covered.mean(axis=1) + covered.min(axis=1)
        best = np.argpartition(-rank, most)[:most]
        corners, covered = corners[best], covered[best]
    return Proposals(*clockwise(corners, covered))


@dataclass(frozen=True, slots=True, eq=False)
class Meetings:
    """Where lines meet."""

    place: Floats
    """(N, N) place along line i, pixels from its centre, where it meets line j."""
    fair: Bools
    """(N, N) at an angle that the corner of a card may have."""
    gap: Floats
    """(N, N) how far line i must be extended to reach j, in its own lengths (negative: they cross)."""
    opposite: Bools
    """(N, N) parallel enough and far enough apart for two opposite sides."""

    def joined(self, beyond: float, crossing: float, length: Floats) -> Bools:
        """Pairs that can make a corner: extended by ``beyond`` of their length, cut by ``crossing``."""
        near = (
            self.fair
            & (self.gap <= beyond + 4 / length[:, None])
            & (self.gap >= -crossing - 4 / length[:, None])
        )
        return np.asarray(near & near.T)


def meet(lines: Lines, limits: Limits) -> Meetings:
    """Return where each pair of lines meets."""
    dx, dy = lines.direction.T
    sine = dx[:, None] * dy[None, :] - dy[:, None] * dx[None, :]
    fair = np.abs(sine) > limits.min_corner_sin
    cx, cy = lines.centre.T
    to_x, to_y = cx[None, :] - cx[:, None], cy[None, :] - cy[:, None]
    place = (to_x * dy[None, :] - to_y * dx[None, :]) / np.where(fair, sine, 1)
    beyond = np.maximum(place - lines.end[:, None], lines.start[:, None] - place)
    gap = beyond / (lines.end - lines.start)[:, None]
    return Meetings(place, fair, gap, _opposite(lines, limits))


_REACHES = ((0.7, 9.0), (0.7, 0.35), (0.35, 0.35), (0.2, 0.2), (0.12, 0.12), (0.06, 0.06))
"""How far lines may be extended and cut: from all corners and crossings to clean corners only."""


def _cycles(lines: Lines, meetings: Meetings, work: int) -> Ints:
    """(N, 4) lines i, j, k, l with i opposite k and j opposite l, each cycle once."""
    opposite = meetings.opposite
    pairs = np.nonzero(np.triu(opposite, 1))
    length = lines.length
    for beyond, crossing in _REACHES:
        joined = meetings.joined(beyond, crossing, length)
        between = joined[pairs[0]] & joined[pairs[1]]
        count = between.sum(axis=1)
        if (count * (count - 1) // 2).sum() <= work:
            break
    chosen = np.flatnonzero(count >= 2)
    first, third, between, count = pairs[0][chosen], pairs[1][chosen], between[chosen], count[chosen]
    row, line = np.nonzero(between)
    after = (np.cumsum(count)[row] - np.arange(len(row)) - 1).astype(np.int64)
    one = np.repeat(np.arange(len(row)), after)
    step = np.arange(len(one)) - np.repeat(np.cumsum(after) - after, after)
    second, fourth = line[one], line[one + 1 + step]
    pair = row[one]
    good = opposite[second, fourth] & (first[pair] < np.minimum(second, fourth))
    return np.asarray(np.stack([first[pair], second, third[pair], fourth], axis=1)[good])


def _opposite(lines: Lines, limits: Limits) -> Bools:
    parallel = np.abs(lines.direction @ lines.direction.T) > limits.min_parallel_cos
    normal = np.stack([-lines.direction[:, 1], lines.direction[:, 0]], axis=1)
    off = np.abs(normal @ lines.centre.T - np.sum(normal * lines.centre, axis=1)[:, None])
    return np.asarray(parallel & (np.minimum(off, off.T) > 0.6 * limits.min_side_px))


def _outlines(lines: Lines, place: Floats, cycles: Ints) -> tuple[Floats, Floats]:
    """Corners of each cycle and how much of each side is covered; side n lies on line n of the cycle."""
    before, after = cycles[:, (3, 0, 1, 2)], cycles[:, (1, 2, 3, 0)]
    start, end = place[cycles, before], place[cycles, after]
    corners = lines.centre[cycles] + lines.direction[cycles] * start[..., None]
    low, high = np.minimum(start, end), np.maximum(start, end)
    shared = np.minimum(high, lines.end[cycles]) - np.maximum(low, lines.start[cycles])
    covered = np.maximum(shared, 0) * lines.density[cycles] / np.maximum(high - low, 1e-6)
    return corners, covered


def _plausible(corners: Floats, covered: Floats, limits: Limits) -> Bools:
    side = corners[:, (1, 2, 3, 0)] - corners
    bend = side[:, (3, 0, 1, 2)]
    cross = bend[..., 0] * side[..., 1] - bend[..., 1] * side[..., 0]
    length = np.hypot(side[..., 0], side[..., 1])
    one, two = length[:, 0] + length[:, 2], length[:, 1] + length[:, 3]
    aspect = np.minimum(one, two) / np.maximum(np.maximum(one, two), 1e-6)
    taper = limits.max_taper
    return np.asarray(
        ((cross > 0).all(axis=1) | (cross < 0).all(axis=1))
        & (length.min(axis=1) >= limits.min_side_px)
        & (aspect > limits.min_aspect)
        & (aspect < limits.max_aspect)
        & (np.maximum(length[:, 0], length[:, 2]) < taper * np.minimum(length[:, 0], length[:, 2]))
        & (np.maximum(length[:, 1], length[:, 3]) < taper * np.minimum(length[:, 1], length[:, 3]))
        & (covered.min(axis=1) > limits.min_covered)
        & (covered.mean(axis=1) > limits.mean_covered)
    )


def clockwise(corners: Floats, sides: Floats) -> tuple[Floats, Floats]:
    """Turn quads (N, 4, 2) clockwise as seen on screen, and their per-side values (N, 4) with them."""
    ahead, back = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    turned = (ahead[:, 0] * back[:, 1] - ahead[:, 1] * back[:, 0]) < 0
    corners, sides = corners.copy(), sides.copy()
    corners[turned] = corners[turned][:, ::-1]
    sides[turned] = sides[turned][:, [2, 1, 0, 3]]
    return corners, sides
