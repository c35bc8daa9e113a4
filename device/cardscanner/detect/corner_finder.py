"""The learned way to find cards: a small network looks at the whole picture, then edges give the fraction."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.corner_maps import read_quads
from cardscanner.detect.field import Floats
from cardscanner.detect.keep import without_overlap
from cardscanner.detect.pyramid import Pyramid
from cardscanner.detect.refine import refine_quads
from cardscanner.records import Picture

Network = Callable[[NDArray[np.uint8]], Floats]
"""(1, H, W, 3) uint8, H and W multiples of 32 -> (1, H / 8, W / 8, channels) float32."""

_GRID = 32
PADDING = 114
"""Grey level beyond the edge of the picture."""
_MOST = 100
_ROUNDS = 2
"""Times that the sides are moved onto the edges near them."""


def look(picture: Picture, network: Network, side_px: int, least: float) -> tuple[Floats, Floats]:
    """Return outlines (N, 4, 2) in picture pixels, clockwise, and their confidence (N,), best first.

    ``side_px`` is the longer side of what the network sees; ``least`` the lowest confidence that counts.
    """
    seen, scale = reduced(picture, side_px)
    maps = network(seen[None])[0]
    quads, confidence = read_quads(maps, least, _MOST)
    quads = ((quads + 0.5) / scale - 0.5).astype(np.float32)
    kept = without_overlap(quads, confidence, _MOST)
    return quads[kept], confidence[kept]


def reduced(picture: Picture, side_px: int) -> tuple[Picture, Floats]:
    """Return the picture at most ``side_px`` long, filled up with grey to a multiple of 32, and its scale."""
    height, width = picture.shape[:2]
    factor = side_px / max(height, width)
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture, size, interpolation=how)
    right, below = -size[0] % _GRID, -size[1] % _GRID
    full = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(PADDING,) * 3)
    return np.asarray(full, np.uint8), np.array([size[0] / width, size[1] / height], np.float32)


def on_edges(picture: Picture, quads: Floats) -> Floats:
    """Return the outlines with each side on the edge that it is closest to."""
    pyramid = Pyramid(picture)
    for _ in range(_ROUNDS):
        quads = refine_quads(pyramid, quads)
    return quads
