"""What the corner network should answer: the maps of :mod:`cardscanner.detect.corner_maps` for outlines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.corner_maps import REACH_PX, STRIDE, cell_centres

Floats = NDArray[np.float32]
_INNER = 0.72
"""Cells of the card shrunk to this share answer for its corners."""
_SPREAD = 0.09
"""Sigma of the middle's heat, in short sides of the card."""


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Maps (rows, columns, ...) for one picture."""

    heat: Floats
    """(R, C, 2) middles and corners, 1 at the cell, Gaussian around it."""
    offset: Floats
    """(R, C, 3) x and y from the cell's middle to the corner in cells, and whether there is one."""
    lying: Floats
    """(R, C, 2) 1 for lying, and how clear that is."""
    corners: Floats
    """(R, C, 16) standing, then lying corners."""
    weight: Floats
    """(R, C, 2) weight of the standing and of the lying corners."""


def targets(outlines: Floats, boxes: NDArray[np.bool_], rows: int, columns: int) -> Targets:
    """Return the answer for outlines (N, 4, 2) in input pixels, clockwise."""
    result = Targets(
        np.zeros((rows, columns, 2), np.float32), np.zeros((rows, columns, 3), np.float32),
        np.zeros((rows, columns, 2), np.float32), np.zeros((rows, columns, 16), np.float32),
        np.zeros((rows, columns, 2), np.float32),
    )  # fmt: skip
    centres = cell_centres(rows, columns)
    # Large cards first: where cards overlap, the smaller and later one answers.
    for index in np.argsort([-_width(each) for each in outlines], kind="stable"):
        _add(result, centres, clockwise(outlines[index]), box=bool(boxes[index]))
    return result


def _add(result: Targets, centres: Floats, outline: Floats, *, box: bool) -> None:
    width, middle = _width(outline), outline.mean(axis=0)
    _heat(result.heat[..., 0], centres, middle, max(_SPREAD * width, 0.35 * STRIDE))
    if box:
        return
    for corner in outline:
        cell = _heat(result.heat[..., 1], centres, corner, 0.5 * STRIDE)
        if cell is not None:
            result.offset[cell][:2] = (corner - centres[cell]) / STRIDE
            result.offset[cell][2] = 1
    inside = _inside(centres, (outline - middle) * _INNER + middle)
    standing, lying, sideways = conventions(outline)
    result.lying[inside] = [sideways > 0.5, abs(2 * sideways - 1)]
    away = [(each[None] - centres[inside][:, None]) / REACH_PX for each in (standing, lying)]
    result.corners[inside] = np.concatenate(away, axis=1).reshape(-1, 16)
    # In units of the card's width, and the same for large and small cards.
    share = REACH_PX / width / max(1, int(inside.sum()))
    result.weight[inside] = [share * min(1.0, 2 * (1 - sideways)), share * min(1.0, 2 * sideways)]


def conventions(outline: Floats) -> tuple[Floats, Floats, float]:
    """Return the outline from its upper short side, from its left one, and how much it lies (0 to 1)."""
    side = np.linalg.norm(np.roll(outline, -1, axis=0) - outline, axis=1)
    first = 0 if side[0] + side[2] <= side[1] + side[3] else 1
    ways = [np.roll(outline, -first, axis=0), np.roll(outline, -first - 2, axis=0)]
    tops = [way[:2].mean(axis=0) for way in ways]
    long = np.abs(tops[1] - tops[0])
    standing = ways[0] if tops[0][1] <= tops[1][1] else ways[1]
    lying = ways[0] if tops[0][0] <= tops[1][0] else ways[1]
    return standing, lying, float(long[0] / max(1e-6, long.sum()))


def clockwise(outline: Floats) -> Floats:
    """Return the corners clockwise on screen."""
    one, two = outline[2] - outline[0], outline[3] - outline[1]
    return outline if one[0] * two[1] - one[1] * two[0] > 0 else np.ascontiguousarray(outline[::-1])


def _width(outline: Floats) -> float:
    side = np.linalg.norm(np.roll(outline, -1, axis=0) - outline, axis=1)
    return float(max(1.0, min(side[0] + side[2], side[1] + side[3]) / 2))


def _heat(plane: Floats, centres: Floats, point: Floats, sigma: float) -> tuple[int, int] | None:
    """Add a Gaussian that is 1 in the cell nearest to the point; return that cell if the point is in view."""
    apart = ((centres - point) ** 2).sum(axis=-1)
    heat = np.exp(-apart / (2 * sigma * sigma))
    row, column = divmod(int(apart.argmin()), apart.shape[1])
    seen = bool(apart[row, column] < STRIDE * STRIDE)
    if seen:
        heat[row, column] = 1.0
    np.maximum(plane, heat, out=plane)
    return (row, column) if seen else None


def _inside(centres: Floats, outline: Floats) -> NDArray[np.bool_]:
    side = np.roll(outline, -1, axis=0) - outline
    to = centres[:, :, None] - outline
    inside = np.asarray((side[:, 0] * to[..., 1] - side[:, 1] * to[..., 0] > 0).all(axis=-1))
    if not inside.any():
        apart = ((centres - outline.mean(axis=0)) ** 2).sum(axis=-1)
        inside[np.unravel_index(apart.argmin(), apart.shape)] = True
    return inside
