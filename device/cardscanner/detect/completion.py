"""Quads with one unseen side: three lines in the shape of a U, and a guess at the fourth.

Low contrast, a finger or the lip of a stand hides a side more often than not. The two legs of the U end where
the card ends, and a card is 63 x 88 mm: five guesses, of which the evidence chooses later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.field import Floats
from cardscanner.detect.lines import Lines
from cardscanner.detect.proposals import Limits, Meetings, Proposals, clockwise, no_proposals
from cardscanner.detect.shape import CARD_RATIO

Ints = NDArray[np.int64]
_REACHES = ((0.35, 9.0), (0.35, 0.35), (0.2, 0.2), (0.12, 0.12), (0.06, 0.06))
_MIN_BASE = 0.4
_MIN_LEG = 0.25
"""Least share of the base and of each leg on which an edge was found."""


def complete_quads(lines: Lines, meetings: Meetings, limits: Limits, most: int, work: int) -> Proposals:
    """Return the ``most`` best covered outlines with one guessed side, of about ``work`` shapes."""
    one, base, two = _bends(lines, meetings, work)
    if len(base) == 0:
        return no_proposals()
    legs = _Legs.of(lines, meetings, one, base), _Legs.of(lines, meetings, two, base)
    near = [leg.corners(lines) for leg in legs]
    width = np.hypot(*(near[0] - near[1]).T)
    ahead = [lines.direction[leg.line] * leg.sign[:, None] for leg in legs]
    same_way = np.sum(ahead[0] * ahead[1], axis=1) > 0
    far = _far_ends(legs, width)
    shares = [leg.covered(lines, reach) for leg, reach in zip(legs, far, strict=True)]
    guess, row = np.nonzero(same_way & _plausible(shares, far, width, limits))
    ends = [leg.beyond(lines, reach[guess, row], row) for leg, reach in zip(legs, far, strict=True)]
    quads = np.stack([ends[0], near[0][row], near[1][row], ends[1]], axis=1)
    seen = np.minimum(_base_cover(lines, meetings, one[row], base[row], two[row]), 1.0)
    cover = np.stack([shares[0][guess, row], seen, shares[1][guess, row], np.zeros_like(seen)], axis=1)
    return _best(quads, cover, most)


def _best(quads: Floats, cover: Floats, most: int) -> Proposals:
    if len(quads) > most:
        best = np.argpartition(-cover.sum(axis=1), most)[:most]
        quads, cover = quads[best], cover[best]
    return Proposals(*clockwise(quads.astype(np.float32), cover.astype(np.float32)))


def _bends(lines: Lines, meetings: Meetings, work: int) -> tuple[Ints, Ints, Ints]:
    """Leg, base, leg of every U whose base is mostly seen."""
    one, two = np.nonzero(np.triu(meetings.opposite, 1))
    for beyond, crossing in _REACHES:
        joined = meetings.joined(beyond, crossing, lines.end - lines.start)
        between = joined[one] & joined[two]
        if np.count_nonzero(between) <= work:
            break
    row, base = np.nonzero(between)
    one, two = one[row], two[row]
    seen = _base_cover(lines, meetings, one, base, two) > _MIN_BASE
    return one[seen], base[seen], two[seen]


def _base_cover(lines: Lines, meetings: Meetings, one: Ints, base: Ints, two: Ints) -> Floats:
    a, b = meetings.place[base, one], meetings.place[base, two]
    low, high = np.minimum(a, b), np.maximum(a, b)
    shared = np.minimum(high, lines.end[base]) - np.maximum(low, lines.start[base])
    return np.asarray(np.maximum(shared, 0) / np.maximum(high - low, 1e-6) * lines.density[base])


@dataclass(frozen=True, slots=True, eq=False)
class _Legs:
    line: Ints
    near: Floats
    """Where the leg meets the base, along its line."""
    sign: Floats
    """Direction away from the base along the line, +1 or -1."""
    reach: Floats
    """How far the leg is seen to go."""

    @classmethod
    def of(cls, lines: Lines, meetings: Meetings, line: Ints, base: Ints) -> _Legs:
        near = meetings.place[line, base]
        up, down = lines.end[line] - near, near - lines.start[line]
        return cls(line, near, np.where(up > down, 1, -1).astype(np.float32), np.maximum(up, down))

    def corners(self, lines: Lines) -> Floats:
        """Points (N, 2) where the legs meet their bases."""
        return lines.centre[self.line] + lines.direction[self.line] * self.near[:, None]

    def beyond(self, lines: Lines, reach: Floats, row: Ints) -> Floats:
        """Points (M, 2) on the legs ``row``, ``reach`` away from their bases."""
        place = self.near[row] + self.sign[row] * reach
        return lines.centre[self.line[row]] + lines.direction[self.line[row]] * place[:, None]

    def covered(self, lines: Lines, reach: Floats) -> Floats:
        """Share of the leg on which an edge was found, if the card ends at ``reach``."""
        gap = np.where(self.sign > 0, lines.start[self.line] - self.near, self.near - lines.end[self.line])
        shared = np.minimum(reach, self.reach) - np.maximum(gap, 0)
        return np.asarray(np.maximum(shared, 0) / np.maximum(reach, 1e-6) * lines.density[self.line])


def _far_ends(legs: tuple[_Legs, _Legs], width: Floats) -> tuple[Floats, Floats]:
    """Five guesses (5, N) of each leg's length."""
    one, two = legs[0].reach, legs[1].reach
    upright, lying = width * np.float32(CARD_RATIO), width / np.float32(CARD_RATIO)
    return np.stack([one, one, two, upright, lying]), np.stack([two, one, two, upright, lying])


def _plausible(
    shares: list[Floats], far: tuple[Floats, Floats], width: Floats, limits: Limits
) -> NDArray[np.bool_]:
    height = (far[0] + far[1]) / 2
    aspect = np.minimum(height, width) / np.maximum(np.maximum(height, width), 1e-6)
    taper = np.maximum(*far) / np.maximum(np.minimum(*far), 1e-6)
    return np.asarray(
        (aspect > 0.52)
        & (aspect < 0.9)
        & (taper < 1.4)
        & (np.minimum(height, width) > limits.min_side_px)
        & (np.minimum(*shares) > _MIN_LEG)
        & (shares[0] + shares[1] > 1.2)
    )
