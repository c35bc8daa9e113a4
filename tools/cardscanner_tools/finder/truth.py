"""How well quads fit the cards that are really there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.geometry import area, iou
from cardscanner.records import Corners
from cardscanner_tools.photos.labels import LabelledCard

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """One card that is really there."""

    corners: Corners
    """(4, 2) in either direction, from any corner."""
    box_only: bool = False
    """The corners are the upright box around the card; its own are not known."""

    @classmethod
    def of_label(cls, card: LabelledCard) -> Truth:
        """Take the outline that a person drew, if there is one."""
        return cls(card.corners if card.annotated is None else card.annotated, card.box_only)

    def overlap(self, quad: Corners) -> float:
        """Intersection over union with a quad, or with the box around it."""
        return iou(bounding_box(quad), self.corners) if self.box_only else iou(quad, self.corners)

    def corner_error(self, quad: Corners) -> float:
        """Mean distance of the four corners, in the card's widths (short sides), as they fit best."""
        side = np.linalg.norm(np.roll(self.corners, -1, axis=0) - self.corners, axis=1)
        width = min(side[0] + side[2], side[1] + side[3]) / 2
        apart = [
            np.linalg.norm(np.roll(way, turn, axis=0) - self.corners, axis=1).mean()
            for way in (quad, quad[::-1])
            for turn in range(4)
        ]
        return float(min(apart) / width)


def bounding_box(quad: Corners) -> Corners:
    """Return the corners (4, 2) of the upright box around a quad."""
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def overlaps(quads: Floats, truths: Sequence[Truth]) -> tuple[Floats, NDArray[np.int64]]:
    """Return the best overlap (N,) of each quad (N, 4, 2) with a truth, and which truth, -1 for none."""
    best, which = np.zeros(len(quads), np.float32), np.full(len(quads), -1)
    for number, truth in enumerate(truths):
        middle = (truth.corners.min(axis=0) + truth.corners.max(axis=0)) / 2
        boxes = (quads.min(axis=1) + quads.max(axis=1)) / 2
        near = np.abs(boxes - middle).max(axis=1) < 0.6 * np.sqrt(area(truth.corners))
        for index in np.flatnonzero(near):
            overlap = truth.overlap(quads[index])
            if overlap > best[index]:
                best[index], which[index] = overlap, number
    return best, which
