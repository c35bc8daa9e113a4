"""Straight runs of edge pixels.

Edge pixels are grouped by the direction of their gradient into overlapping sectors of 180 degrees; the
connected groups of a sector are nearly straight already (line support regions after Burns, Hanson and
Riseman 1986) and are fitted by their second moments, all at once.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.field import Field, Floats

_SECTORS = 6
_MAX_WOBBLE_PX = 0.7


def straight_segments(field: Field, min_length_px: float = 10.0) -> Floats:
    """Return (N, 4) segments x0 y0 x1 y1, longest first."""
    if cv2.countNonZero(field.edges) == 0:
        return np.zeros((0, 4), dtype=np.float32)
    x, y = np.asarray(cv2.findNonZero(field.edges), dtype=np.int32).reshape(-1, 2).T
    slope = field.gradient[y, x].astype(np.float32)
    turn = np.arctan2(slope[:, 1], slope[:, 0]) * (_SECTORS / np.pi)
    sector = np.floor(turn).astype(np.int32) % _SECTORS
    pixel, group, groups = _groups(field.edges.shape, x, y, sector)
    return _fit(x[pixel], y[pixel], group, groups, min_length_px)


def _groups(
    shape: tuple[int, ...], x: NDArray[np.int32], y: NDArray[np.int32], sector: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], int]:
    """Connected groups in each pair of neighbouring sectors: index of the pixel, its group, group count."""
    bits = np.zeros(shape, dtype=np.uint8)
    bits[y, x] = 1 << sector
    pixels, labels, total = [], [], 0
    for first in range(_SECTORS):
        second = (first + 1) % _SECTORS
        either = bits & np.uint8((1 << first) | (1 << second))
        count, marked = cv2.connectedComponents(either, connectivity=8, ltype=cv2.CV_16U)
        chosen = np.flatnonzero((sector == first) | (sector == second))
        pixels.append(chosen)
        labels.append(marked[y[chosen], x[chosen]].astype(np.int32) + total)
        total += count
    return np.concatenate(pixels), np.concatenate(labels), total


def _fit(
    x: NDArray[np.int32], y: NDArray[np.int32], group: NDArray[np.int32], groups: int, min_length_px: float
) -> Floats:
    count = np.bincount(group, minlength=groups)
    large = count >= max(4, int(0.6 * min_length_px))
    keep = large[group]
    number = np.cumsum(large) - 1
    group, x, y, count = number[group[keep]], x[keep], y[keep], count[large]
    total = len(count)
    if total == 0:
        return np.zeros((0, 4), dtype=np.float32)
    fx, fy = x.astype(np.float64), y.astype(np.float64)
    mean_x, mean_y = np.bincount(group, fx, total) / count, np.bincount(group, fy, total) / count
    fx -= mean_x[group]
    fy -= mean_y[group]
    xx, yy = np.bincount(group, fx * fx, total) / count, np.bincount(group, fy * fy, total) / count
    xy = np.bincount(group, fx * fy, total) / count
    spread = np.hypot(xx - yy, 2 * xy)
    # A straight run of length L has the variance L * L / 12 along itself.
    half = np.sqrt(1.5 * (xx + yy + spread))
    wobble = np.sqrt(np.maximum(xx + yy - spread, 0) / 2)
    good = np.flatnonzero((2 * half >= min_length_px) & (wobble < _MAX_WOBBLE_PX + 0.02 * half))
    good = good[np.argsort(-half[good])]
    angle = 0.5 * np.arctan2(2 * xy[good], (xx - yy)[good])
    dx, dy = np.cos(angle) * half[good], np.sin(angle) * half[good]
    mx, my = mean_x[good], mean_y[good]
    return np.stack([mx - dx, my - dy, mx + dx, my + dy], axis=1).astype(np.float32)
