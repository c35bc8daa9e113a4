"""The order of the corners that leave this room."""

from __future__ import annotations

import math

import numpy as np

from cardscanner.detect.field import Floats
from cardscanner.detect.profiles import Sides
from cardscanner.detect.shape import CARD_RATIO, camera_shape


def portrait_corners(corners: Floats, width: int, height: int) -> Floats:
    """Return one quad (4, 2) turned so that it starts with a short side of the card, the upper one.

    A tilted card may look wider than it is high; then the camera's view decides, if it fits a card better.
    """
    sides = Sides.of(corners[None])
    length = sides.length[0]
    plain = float((length[0] + length[2]) / max(length[1] + length[3], 1e-6))
    seen = float(camera_shape(sides.corners, width, height)[0][0])
    ratio = min(plain, seen, key=_misfit)
    first = 0 if ratio <= 1 else 1
    tops = [corners[start] + corners[(start + 1) % 4] for start in (first, first + 2)]
    if (tops[1][1], tops[1][0]) < (tops[0][1], tops[0][0]):
        first += 2
    return np.ascontiguousarray(np.roll(corners, -first, axis=0))


def _misfit(ratio: float) -> float:
    return abs(abs(math.log(max(ratio, 1e-6))) - math.log(CARD_RATIO))
