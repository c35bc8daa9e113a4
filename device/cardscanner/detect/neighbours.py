"""Where more cards should lie: pages and rows are regular, and one dark card must not break them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.field import Floats
from cardscanner.detect.keep import convex, quad_areas

_ALIKE = 0.35
"""Largest difference of the logarithms of the areas of two neighbours."""


def neighbour_quads(corners: Floats, width: int, height: int) -> Floats:
    """Return places (M, 4, 2), mostly inside the picture, where a regular arrangement would go on.

    From two neighbours a and b the next one is b + (b - a), corner by corner, which follows the perspective;
    a step seen between two cards is tried from every other card too.
    """
    pairs = _steps(corners)
    if len(pairs) == 0:
        return np.zeros((0, 4, 2), dtype=np.float32)
    step = corners[pairs[:, 1]] - corners[pairs[:, 0]]
    ahead = corners[pairs[:, 1]] + step
    typical = _typical(step.mean(axis=1))
    anywhere = (corners[:, None] + typical[None, :, None, :]).reshape(-1, 4, 2)
    found = np.concatenate([ahead, anywhere]).astype(np.float32)
    middle = found.mean(axis=1)
    inside = (middle > 0).all(axis=1) & (middle < [width - 1, height - 1]).all(axis=1)
    found = found[inside & convex(found)]
    return np.asarray(found[_free(found, corners)])


def _steps(corners: Floats) -> NDArray[np.int64]:
    """Pairs (M, 2), both ways round, of quads that lie side by side and turned alike."""
    middle, area = corners.mean(axis=1), quad_areas(corners)
    size = np.sqrt(area)
    apart = np.linalg.norm(middle[:, None] - middle[None], axis=2)
    shape = corners - middle[:, None]
    differs = np.abs(shape[:, None] - shape[None]).max(axis=(2, 3))
    close = (apart > 0.7 * size[:, None]) & (apart < 1.7 * size[:, None])
    alike = np.abs(np.log(area[:, None] / area[None])) < _ALIKE
    return np.argwhere(close & alike & (differs < 0.2 * size[:, None])).astype(np.int64)


def _typical(steps: Floats) -> Floats:
    """One step of each kind: steps that differ by less than a fifth count as one."""
    kinds: list[Floats] = []
    for step in steps:
        if all(np.linalg.norm(step - other) > 0.2 * np.linalg.norm(step) for other in kinds):
            kinds.append(step)
        if len(kinds) == 8:
            break
    return np.array(kinds, dtype=np.float32)


def _free(found: Floats, corners: Floats) -> NDArray[np.int64]:
    """Indices of places at which no card has been found, each place once."""
    taken = list(corners.mean(axis=1))
    sizes = list(np.sqrt(quad_areas(corners)))
    free = []
    for index, (middle, area) in enumerate(zip(found.mean(axis=1), quad_areas(found), strict=True)):
        if all(
            np.linalg.norm(middle - other) > 0.45 * size for other, size in zip(taken, sizes, strict=True)
        ):
            free.append(index)
            taken.append(middle)
            sizes.append(np.sqrt(area))
    return np.array(free, dtype=np.int64)
