"""The gradient field of a reduced picture: what all evidence for card edges is read from."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from cardscanner.detect.pyramid import Pyramid

Floats = NDArray[np.float32]
Gradient = NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Gradients of one reduced picture; points are in its own pixels."""

    gradient: NDArray[np.int16]
    """(H, W, 2) x and y derivative of the channel that changes most (3x3 Sobel units)."""
    busy: NDArray[np.int16]
    """(H, W) mean gradient strength around each pixel: how much an edge there must stand out."""
    edges: NDArray[np.uint8]
    """(H, W) thin edges, 255 or 0."""
    noise: float
    """Typical gradient of an empty place."""
    scale: float
    """Reduced pixels per picture pixel."""

    @property
    def width(self) -> int:
        """Width of the reduced picture."""
        return int(self.edges.shape[1])

    @property
    def height(self) -> int:
        """Height of the reduced picture."""
        return int(self.edges.shape[0])

    def busy_at(self, x: Floats, y: Floats) -> Floats:
        """Mean gradient strength around points, nearest pixel."""
        column = np.clip(x + 0.5, 0, self.width - 1).astype(np.int32)
        row = np.clip(y + 0.5, 0, self.height - 1).astype(np.int32)
        return np.asarray(self.busy[row, column], dtype=np.float32)


_LOW, _HIGH = 30.0, 70.0
"""Canny thresholds in 3x3 Sobel units, 4 per grey level, blurred: a step of 8 grey levels starts an edge."""
_MAX_EDGES = 0.25
"""Share of edge pixels above which the picture is too busy and the thresholds rise."""
_BUSY_WINDOW = 0.03
"""Window of the surroundings, as a share of the longer side."""


def gradient_field(pyramid: Pyramid, side_px: int) -> Field:
    """Build the field of a picture reduced to ``side_px``.

    Each pixel takes the derivative of the colour channel that changes most there, so that an edge between
    two colours of equal brightness counts as much as one between dark and light.
    """
    small, scale = pyramid.reduced(side_px)
    smooth = cv2.GaussianBlur(small, (3, 3), 0)
    x, y, strength = _steepest(_sobel(smooth, 1, 0), _sobel(smooth, 0, 1))
    window = max(5, int(_BUSY_WINDOW * max(strength.shape)) | 1)
    return Field(
        gradient=np.asarray(cv2.merge([x, y]), dtype=np.int16),
        busy=np.asarray(cv2.blur(strength, (window, window)), dtype=np.int16),
        edges=_thin_edges(x, y),
        noise=max(4.0, float(np.median(strength[::3, ::3]))),
        scale=scale,
    )


def _sobel(picture: MatLike, dx: int, dy: int) -> Gradient:
    return np.asarray(cv2.Sobel(picture, cv2.CV_16S, dx, dy), dtype=np.int16)


def _steepest(across: Gradient, down: Gradient) -> tuple[Gradient, Gradient, Gradient]:
    """x, y derivative and strength of the channel with the largest gradient at each pixel."""
    columns, rows = cv2.split(across), cv2.split(down)
    best_x, best_y = columns[0], rows[0]
    strength = np.abs(best_x) + np.abs(best_y)
    for x, y in zip(columns[1:], rows[1:], strict=True):
        other = np.abs(x) + np.abs(y)
        stronger = cv2.compare(other, strength, cv2.CMP_GT)
        cv2.copyTo(x, stronger, best_x)
        cv2.copyTo(y, stronger, best_y)
        cv2.copyTo(other, stronger, strength)
    return np.asarray(best_x, np.int16), np.asarray(best_y, np.int16), np.asarray(strength, np.int16)


def _thin_edges(x: Gradient, y: Gradient) -> NDArray[np.uint8]:
    """Canny edges, 255 or 0; weaker ones are left out where the whole picture is texture."""
    low, high = _LOW, _HIGH
    for _ in range(3):
        edges = cv2.Canny(x, y, low, high, L2gradient=True)
        if cv2.countNonZero(edges) <= _MAX_EDGES * edges.size:
            break
        low, high = 1.6 * low, 1.6 * high
    return np.asarray(edges, dtype=np.uint8)
