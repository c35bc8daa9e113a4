"""The shape of a quad: how well it fits a card of 63 x 88 mm before a camera."""

from __future__ import annotations

import numpy as np

from cardscanner.detect.field import Floats
from cardscanner.detect.profiles import Sides

CARD_RATIO = 88 / 63
_FOCAL = 1.2
"""Focal length that is assumed, in longer sides of the picture (about 45 degrees of view)."""


def outline_features(sides: Sides, covered: Floats) -> dict[str, Floats]:
    """Return what can be said (N,) before any pixel is looked at again."""
    least = np.sort(covered, axis=1)
    return {
        "covered_min": least[:, 0],
        "covered_2nd": least[:, 1],
        "covered_mean": covered.mean(axis=1),
        **form_features(sides),
    }


def form_features(sides: Sides) -> dict[str, Floats]:
    """Return how much each quad (N,) differs from a card seen from straight above."""
    along, length = sides.along, sides.length
    one, two = length[:, 0] + length[:, 2], length[:, 1] + length[:, 3]
    plain = np.maximum(np.maximum(one, two), 1e-6) / np.maximum(np.minimum(one, two), 1e-6)
    back = along[:, (3, 0, 1, 2)]
    sine = along[..., 0] * back[..., 1] - along[..., 1] * back[..., 0]
    ratios = length[:, :2] / np.maximum(length[:, 2:], 1e-6)
    return {
        "ratio": np.abs(np.log(plain / CARD_RATIO)),
        "corner": 1 - np.abs(sine).min(axis=1),
        "taper": np.abs(np.log(np.maximum(ratios, 1e-6))).sum(axis=1),
    }


def camera_features(sides: Sides, width: int, height: int) -> dict[str, Floats]:
    """Return how much each quad (N,) differs from a card seen by a camera, in a picture of the given size."""
    seen, skew, facing = camera_shape(sides.corners, width, height)
    area = sides.width * np.maximum(
        sides.length[:, 0] + sides.length[:, 2], sides.length[:, 1] + sides.length[:, 3]
    )
    return {
        "camera_ratio": np.minimum(np.abs(np.abs(np.log(np.maximum(seen, 1e-3))) - np.log(CARD_RATIO)), 1.0),
        "camera_skew": np.abs(skew),
        "tilt": 1 - facing,
        "log_area": np.log(np.maximum(area / 2, 1.0) / (width * height)),
    }


def camera_shape(corners: Floats, width: int, height: int) -> tuple[Floats, Floats, Floats]:
    """Side ratio, cosine of the corner angle and cosine of the tilt of the rectangle seen as each quad.

    The homography from the unit square (Heckbert 1989) has the two sides, in camera coordinates and up to one
    common factor, as its first two columns; a guessed focal length turns pixels into camera coordinates.
    """
    middle = np.array([(width - 1) / 2, (height - 1) / 2], dtype=np.float32)
    x, y = ((corners - middle) / np.float32(_FOCAL * max(width, height))).transpose(2, 1, 0)
    ax, bx, cx = x[1] - x[2], x[3] - x[2], x[0] - x[1] + x[2] - x[3]
    ay, by, cy = y[1] - y[2], y[3] - y[2], y[0] - y[1] + y[2] - y[3]
    cross = ax * by - ay * bx
    cross = np.where(np.abs(cross) < 1e-12, 1e-12, cross)
    g, h = (cx * by - cy * bx) / cross, (ax * cy - ay * cx) / cross
    one = x[1] - x[0] + g * x[1], y[1] - y[0] + g * y[1], g
    two = x[3] - x[0] + h * x[3], y[3] - y[0] + h * y[3], h
    size_one = np.sqrt(np.maximum(one[0] ** 2 + one[1] ** 2 + one[2] ** 2, 1e-18))
    size_two = np.sqrt(np.maximum(two[0] ** 2 + two[1] ** 2 + two[2] ** 2, 1e-18))
    skew = (one[0] * two[0] + one[1] * two[1] + one[2] * two[2]) / (size_one * size_two)
    facing = np.abs(one[0] * two[1] - one[1] * two[0])
    facing = facing / np.maximum(size_one * size_two * np.sqrt(np.maximum(1 - skew * skew, 1e-12)), 1e-18)
    return size_one / size_two, skew, np.minimum(facing, 1.0)
