"""First evidence: a cheap look at many proposals in the gradient field, to keep the promising ones."""

from __future__ import annotations

import cv2
import numpy as np

from cardscanner.detect.field import Field, Floats
from cardscanner.detect.profiles import Sides
from cardscanner.detect.shape import camera_features, outline_features

_ON = np.linspace(0.08, 0.92, 12, dtype=np.float32)
_BEYOND = np.array([-0.13, -0.07, 1.07, 1.13], dtype=np.float32)
_PLACES = np.concatenate([_ON, _BEYOND])


def glance_features(field: Field, sides: Sides, covered: Floats) -> dict[str, Floats]:
    """Return named features (N,) of proposals in the pixels of the field."""
    edge = edge_strength(field, sides, _PLACES)
    on, off = edge[:, :, : len(_ON)], edge[:, :, len(_ON) :]
    side = np.sort(on.mean(axis=2), axis=1)
    seen = (on > 0.35).mean(axis=2, dtype=np.float32)
    beyond = off.mean(axis=2)
    return {
        "edge_min": side[:, 0],
        "edge_2nd": side[:, 1],
        "edge_mean": side.mean(axis=1),
        "seen": seen.mean(axis=1),
        "seen_min": seen.min(axis=1),
        "beyond_mean": beyond.mean(axis=1),
        "beyond_max": beyond.max(axis=1),
        **outline_features(sides, covered),
        **camera_features(sides, field.width, field.height),
    }


def edge_strength(field: Field, sides: Sides, places: Floats) -> Floats:
    """How clearly (N, 4, S), 0 to 1, an edge in the direction of the side passes at places along it.

    A gradient across the side counts, compared with how busy the surroundings are; gradients that point
    elsewhere are texture. The best of three neighbouring pixels is taken.
    """
    shape = (len(sides.width) * 4, 3 * len(places))
    pixel = np.array([-1, 0, 1], dtype=np.float32)
    parts = []
    for axis in (0, 1):
        base = sides.corners[..., axis, None] + (sides.along[..., axis] * sides.length)[..., None] * places
        parts.append((base[:, :, None] + sides.normal[..., axis, None, None] * pixel[:, None]).reshape(shape))
    gradient = cv2.remap(
        field.gradient,
        parts[0],
        parts[1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0.0, 0.0),
    )
    gx, gy = cv2.split(gradient.astype(np.float32))
    nx, ny = sides.normal.reshape(-1, 2).T
    across = np.abs(gx * nx[:, None] + gy * ny[:, None])
    middle = slice(len(places), 2 * len(places))
    usual = 0.5 * field.busy_at(parts[0][:, middle], parts[1][:, middle]) + 2 * field.noise
    clear = across / (across + np.tile(usual, (1, 3))) * across / (cv2.magnitude(gx, gy) + 1e-3)
    return np.asarray(clear.reshape(-1, 4, 3, len(places)).max(axis=2))
