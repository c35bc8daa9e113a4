"""From where blocks lie to where the card's corners lie."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.verify.blocks import Grid
from cardscanner.verify.stored import Values
from cardscanner.verify.view import UNIT, Points

_PULL_PX = 3.0
"""Blocks are believed the less, the further (sigma) they lie from the shift that all together prefer."""
_OUTLIER_PX = 0.7
_ROUNDS = 2
_STIFF = np.diag([0.0, 1, 1, 0, 1, 1, 4, 4]) * 0.003 + np.eye(8) * 1e-6
"""Prior against bending, in blocks' worth of evidence for a unit of each parameter."""
_LEAST_AGREEMENT = 0.2

Indices = NDArray[np.int64]


def moved_outline(outline: Points, found: Values, weights: Values, grid: Grid) -> Points:
    """Return the outline after moving it to where the blocks lie.

    ``found`` are :func:`blocks.surfaces`, ``weights`` (N,) what each block is worth. The movement of a point
    is linear in eight numbers, those of a homography close to the identity: dx = a + b x + c y + x (g x +
    h y), dy = d + e x + f y + y (g x + h y). They are fitted by least squares; blocks that disagree with the
    rest count less in the second round (weights of Cauchy).
    """
    shifts, agreed = _peaks(found, weights, grid)
    worth = weights * np.maximum(agreed - _LEAST_AGREEMENT, 0.0)
    if worth.sum() <= 0:
        return outline
    design_x, design_y = _design(grid.centres - 0.5)
    trust = worth
    for _ in range(_ROUNDS):
        fit = _solve(design_x, design_y, shifts, trust)
        off = (design_x @ fit - shifts[:, 0]) ** 2 + (design_y @ fit - shifts[:, 1]) ** 2
        trust = worth / (1.0 + off / _OUTLIER_PX**2)
    corner_x, corner_y = _design(UNIT - 0.5)
    return _carried(outline, np.stack([corner_x @ fit / grid.width, corner_y @ fit / grid.height], axis=1))


def _peaks(found: Values, weights: Values, grid: Grid) -> tuple[Values, Values]:
    """Return the shift (x, y) of each block in pixels and its agreement there."""
    reach = grid.reach_px
    together = np.tensordot(weights, found, axes=1)
    y0, x0 = divmod(int(together.argmax()), together.shape[1])
    place = np.arange(2 * reach + 1)
    near = np.exp(-0.5 * ((place - x0) ** 2 + (place[:, None] - y0) ** 2) / _PULL_PX**2)
    best = (found * near).reshape(len(found), -1).argmax(axis=1)
    y, x = np.divmod(best, together.shape[1])
    each = np.arange(len(found))
    part_x, part_y = _between(found, each, y, x, 0, 1), _between(found, each, y, x, 1, 0)
    return np.stack([x - reach + part_x, y - reach + part_y], axis=1), found[each, y, x]


def _between(found: Values, each: Indices, y: Indices, x: Indices, down: int, right: int) -> Values:
    """Return the top of the parabola through a peak and its neighbours, as a part of a pixel."""
    last = found.shape[1] - 1
    before = found[each, np.maximum(y - down, 0), np.maximum(x - right, 0)]
    after = found[each, np.minimum(y + down, last), np.minimum(x + right, last)]
    bend = np.minimum(before + after - 2 * found[each, y, x], -1e-6)
    return np.asarray(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))


def _design(points: Points) -> tuple[Values, Values]:
    x, y = points.T
    none, one = np.zeros_like(x), np.ones_like(x)
    return (
        np.stack([one, x, y, none, none, none, x * x, x * y], axis=1),
        np.stack([none, none, none, one, x, y, x * y, y * y], axis=1),
    )


def _solve(design_x: Values, design_y: Values, shifts: Values, trust: Values) -> Values:
    weighted_x, weighted_y = design_x.T * trust, design_y.T * trust
    normal = weighted_x @ design_x + weighted_y @ design_y + _STIFF
    return np.asarray(np.linalg.solve(normal, weighted_x @ shifts[:, 0] + weighted_y @ shifts[:, 1]))


def _carried(outline: Points, moved: Points) -> Points:
    """Move the corners of an outline; ``moved`` is measured in the frame of that outline."""
    there = cv2.getPerspectiveTransform(UNIT.astype(np.float32), outline.astype(np.float32))
    return np.asarray(cv2.perspectiveTransform((UNIT + moved)[None], there)[0], dtype=np.float64)
