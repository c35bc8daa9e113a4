"""Colours across the sides of quads: what refinement and evidence look at.

Lengths are measured in shares of the card's width, so that a card looks the same near and far. All profiles
of all quads form the rows of one small picture, so that OpenCV does the arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.field import Floats
from cardscanner.detect.pyramid import Pyramid

STEP = 0.006
"""Distance of two samples across a side, as a share of the card's width (0.4 mm)."""
_LEVEL_WIDTH = 110.0
"""A card is read from the coarsest level on which it is still this wide."""


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """The four sides of N quads."""

    corners: Floats
    """(N, 4, 2) picture pixels; side n runs from corner n to the next."""
    along: Floats
    """(N, 4, 2) unit vectors along the sides."""
    normal: Floats
    """(N, 4, 2) unit vectors across the sides, outward."""
    length: Floats
    """(N, 4)."""
    width: Floats
    """(N,) width of the card: the mean of the shorter pair of sides."""

    @classmethod
    def of(cls, corners: Floats) -> Sides:
        """Measure quads (N, 4, 2) that are clockwise on screen."""
        reach = corners[:, (1, 2, 3, 0)] - corners
        length = np.hypot(reach[..., 0], reach[..., 1])
        along = reach / np.maximum(length, 1e-6)[..., None]
        normal = np.stack([along[..., 1], -along[..., 0]], axis=2)
        width = np.minimum(length[:, 0] + length[:, 2], length[:, 1] + length[:, 3]) / 2
        return cls(corners, along, normal, length, width)

    def points(self, along: Floats, offsets: Floats) -> tuple[Floats, Floats]:
        """Return x and y (N, 4, S, O) of places ``along`` (S,) each side, moved out by ``offsets`` (O,)."""
        step = self.width[:, None, None] * offsets
        parts = []
        for axis in (0, 1):
            base = self.corners[..., axis, None] + (self.along[..., axis] * self.length)[..., None] * along
            across = self.normal[..., axis, None] * step
            parts.append(base[..., None] + across[:, :, None])
        return parts[0], parts[1]


def sample(pyramid: Pyramid, x: Floats, y: Floats, width: Floats) -> NDArray[np.uint8]:
    """Colours (N, ..., 3) at picture points (N, ..., O) of cards ``width`` (N,) pixels wide."""
    found = np.empty((*x.shape, 3), dtype=np.uint8)
    level = np.floor(np.log2(np.maximum(width / _LEVEL_WIDTH, 1.0))).astype(int)
    for number in np.unique(level):
        chosen = np.flatnonzero(level == number)
        source = pyramid.level(int(number))
        scale_x = np.float32(source.shape[1] / pyramid.picture.shape[1])
        scale_y = np.float32(source.shape[0] / pyramid.picture.shape[0])
        columns = x.shape[-1]
        map_x = ((x[chosen] + 0.5) * scale_x - 0.5).reshape(-1, columns)
        map_y = ((y[chosen] + 0.5) * scale_y - 0.5).reshape(-1, columns)
        got = cv2.remap(source, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        found[chosen] = got.reshape(len(chosen), *x.shape[1:], 3)
    return found


def changes(colours: NDArray[np.uint8]) -> tuple[NDArray[np.int16], Floats]:
    """Change of colour along the rows of (..., O, 3): per channel (..., O, 3), and its size (..., O).

    Each is the difference of the two neighbours of a sample; 0 at both ends of a row.
    """
    rows = colours.reshape(-1, *colours.shape[-2:])
    slope = np.asarray(cv2.Sobel(rows, cv2.CV_16S, 1, 0, ksize=1), dtype=np.int16)
    slope[:, 0] = 0
    slope[:, -1] = 0
    red, green, blue = cv2.split(slope.astype(np.float32))
    size = cv2.magnitude(cv2.magnitude(red, green), blue)
    return slope.reshape(colours.shape), np.asarray(size, dtype=np.float32).reshape(colours.shape[:-1])
