"""Which print of one artwork a view shows: compared only where the prints differ, as sharply as both allow.

All pictures are brought into one frame first, and to the sharpness of the camera's picture: what the camera
cannot show differently does not count as a difference. A print is told by how much better it agrees there
than another one; when nothing of the difference can be seen, the lead is 0, whatever the noise says.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

import cv2
import numpy as np

from cardscanner.verify.blocks import SHARP, Shades, Whole, flattened, surfaces
from cardscanner.verify.settle import settled, worth
from cardscanner.verify.stored import Grey, Pictures, Values
from cardscanner.verify.view import Points, View, view_of

_HELD = 128
"""Pictures held that were laid on another: 80 KB each."""
_LEAST_LEVEL = 0.35
"""Agreement that the best print must reach where it differs from another, to be one of them at all: on the
photographs that may be learned from it is .36 to .85 for the right print, .22 to .33 where the card is of a
language that neither reference has."""
_MOST_BLOCKS = 48
_NOISE = 0.05
"""By this much blocks of equal prints may differ: JPEG, scanning."""
_LEAST_EVIDENCE = 0.3
"""Blocks' worth of difference that a lead is measured by, at least: less is little, however clear."""


class PrintTeller:
    """Compares a view with the prints of one artwork."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._laid = lru_cache(maxsize=_HELD)(self._lay)

    def leads(self, view: View, outline: Points, rows: Sequence[int]) -> list[float] | None:
        """Return for each print how much better it agrees than the best of the others, -1 to 1.

        ``outline`` is where the first of them lies. ``None``: where they differ, the card agrees with none of
        them; it may be a print that is not here, such as one in another language.
        """
        which = self._differing(rows)
        if not len(which):
            return [0.0] * len(rows)
        seen = flattened(view.cut(outline, 0, SHARP.reach_px))
        faces = [view.as_seen(self._laid(row, rows[0])) for row in rows]
        fine = [flattened(face) for face in faces]
        contrast = [worth(face, SHARP)[which] for face in faces]
        agreed = [np.maximum(_agreement(each, seen, which), 0.0) for each in fine]
        lead, level = np.full((2, len(rows), len(rows)), np.inf)
        for one, other in combinations(range(len(rows)), 2):
            weights = _difference(fine[one], fine[other], which) * np.maximum(contrast[one], contrast[other])
            found = float(weights @ (agreed[one] - agreed[other])) / max(
                float(weights.sum()), _LEAST_EVIDENCE
            )
            lead[one, other], lead[other, one] = found, -found
            if weights.sum() > _LEAST_EVIDENCE:
                level[one, other], level[other, one] = (
                    float(weights @ agreed[each]) / float(weights.sum()) for each in (one, other)
                )
        least = lead.min(axis=1)
        if level.min(axis=1)[int(least.argmax())] < _LEAST_LEVEL:
            return None
        return [float(each) for each in least]

    def _differing(self, rows: Sequence[int]) -> Whole:
        """Return the blocks in which the prints differ most from others of their artwork."""
        most = np.max([self._pictures.prints(row) for row in rows], axis=0)
        order = np.argsort(-most, kind="stable")[:_MOST_BLOCKS]
        return np.sort(order[most[order] > _NOISE])

    def _lay(self, row: int, first: int) -> Grey:
        """Return a stored picture cut as the first one is: scans differ by a per cent or two."""
        face = self._pictures.full(row)
        if row == first:
            return face
        view = view_of(face)
        return view.cut(settled(view, self._pictures.half(first)), 0, 0)


def _difference(one: Shades, other: Shades, which: Whole) -> Values:
    """Return how far two faces differ in each block, what even equal ones do left out."""
    rim = SHARP.reach_px
    wide = cv2.copyMakeBorder(other, rim, rim, rim, rim, cv2.BORDER_REPLICATE)
    agreed = _agreement(one, np.asarray(wide, dtype=np.float32), which)
    return np.maximum(1.0 - np.maximum(agreed, 0.0) - _NOISE, 0.0)


def _agreement(face: Shades, seen: Shades, which: Whole) -> Values:
    return np.asarray(surfaces(face, seen, SHARP, which).max(axis=(1, 2)), dtype=np.float64)
