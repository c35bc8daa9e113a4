"""Moving the sides of quads onto the edges near them, to a fraction of a pixel.

Each side is a straight line across its profiles; it is fitted to the gradient by weighted least squares with
a window that narrows (iteratively reweighted), so that glare, fingers and print near the edge drop out. The
corners are where the fitted sides meet: cards have rounded corners, no corner point exists to be found.
"""

from __future__ import annotations

import numpy as np

from cardscanner.detect.field import Floats
from cardscanner.detect.profiles import STEP, Sides, changes, sample
from cardscanner.detect.pyramid import Pyramid

_ALONG = np.linspace(0.08, 0.92, 16, dtype=np.float32)
_OFFSETS = STEP * np.arange(-10, 11, dtype=np.float32)
_WINDOWS = (0.025, 0.014, 0.009, 0.007)
"""Width of the window around the side in each step, in shares of the card's width."""


def refine_quads(pyramid: Pyramid, corners: Floats) -> Floats:
    """Return the quads (N, 4, 2), picture pixels, with each side on the edge it is closest to."""
    if len(corners) == 0:
        return corners
    sides = Sides.of(corners)
    x, y = sides.points(_ALONG, _OFFSETS)
    near, far = _shifts(changes(sample(pyramid, x, y, sides.width))[1])
    return moved_quads(sides, near, far)


def _shifts(change: Floats) -> tuple[Floats, Floats]:
    """How far each side's first and second end must move outward (N, 4), in shares of the width."""
    usual = 0.5 * change.mean(axis=(2, 3), keepdims=True) + 6.0
    strength = change / (change + usual)
    strength *= strength
    at = 2 * _ALONG - 1
    near = np.zeros(change.shape[:2], dtype=np.float32)
    far = np.zeros_like(near)
    for window in _WINDOWS:
        line = near[..., None] * (1 - at) / 2 + far[..., None] * (1 + at) / 2
        apart = (_OFFSETS - line[..., None]) / np.float32(window)
        near, far = _fit(strength * np.exp(-0.5 * apart * apart), at, near, far)
    return near, far


def _fit(weight: Floats, at: Floats, near: Floats, far: Floats) -> tuple[Floats, Floats]:
    """Weighted least squares of offset = a + b * at, with a little pull towards the present line."""
    row = weight.sum(axis=3)
    moment = weight @ _OFFSETS
    total = row.sum(axis=2)
    pull = 0.02 * total + 1e-3
    w0, w1, w2 = total + pull, row @ at, row @ (at * at) + pull
    m0 = moment.sum(axis=2) + pull * (near + far) / 2
    m1 = moment @ at + pull * (far - near) / 2
    determinant = w0 * w2 - w1 * w1
    a = (m0 * w2 - m1 * w1) / determinant
    b = (m1 * w0 - m0 * w1) / determinant
    reach = _OFFSETS[-1]
    return np.clip(a - b, -reach, reach), np.clip(a + b, -reach, reach)


def moved_quads(sides: Sides, near: Floats, far: Floats) -> Floats:
    """Quads whose sides' first and second ends are moved outward by ``near`` and ``far`` widths."""
    width = sides.width[:, None, None]
    first = sides.corners + sides.normal * near[..., None] * width
    second = sides.corners[:, (1, 2, 3, 0)] + sides.normal * far[..., None] * width
    return meeting_points(first, second, sides.corners)


def meeting_points(first: Floats, second: Floats, otherwise: Floats) -> Floats:
    """Corner n of each quad: where side n-1 meets side n, both given by two points (N, 4, 2)."""
    p, q = first[:, (3, 0, 1, 2)], first
    s = second - first
    r = s[:, (3, 0, 1, 2)]
    gap = q - p
    cross = r[..., 0] * s[..., 1] - r[..., 1] * s[..., 0]
    size = np.hypot(r[..., 0], r[..., 1]) * np.hypot(s[..., 0], s[..., 1])
    safe = np.abs(cross) > 1e-3 * np.maximum(1e-6, size)
    t = (gap[..., 0] * s[..., 1] - gap[..., 1] * s[..., 0]) / np.where(safe, cross, 1)
    return np.where(safe[..., None], p + r * t[..., None], otherwise).astype(np.float32)
