"""Which of many overlapping quads are kept."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.field import Floats

Ints = NDArray[np.int64]


def quad_areas(corners: Floats) -> Floats:
    """Areas (N,) of convex quads (N, 4, 2)."""
    one, two = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
    return np.asarray(np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) / 2)


def convex(corners: Floats, min_area: float = 16.0) -> NDArray[np.bool_]:
    """Which quads (N, 4, 2) are convex, clockwise on screen and not degenerate."""
    side = corners[:, (1, 2, 3, 0)] - corners
    back = side[:, (3, 0, 1, 2)]
    cross = back[..., 0] * side[..., 1] - back[..., 1] * side[..., 0]
    return np.asarray((cross > 0).all(axis=1) & (quad_areas(corners) >= min_area))


def best_per_place(corners: Floats, score: Floats, quota: int, most: int) -> Ints:
    """Indices of the best ``quota`` quads of each place and size, at most ``most`` altogether.

    Without the quota, the many readings of one clear card would crowd out a whole binder page.
    """
    width = np.sqrt(quad_areas(corners) / 1.4)
    level = np.round(np.log2(np.maximum(width, 1)) * 1.5)
    cell = np.floor(corners.mean(axis=1) / (0.5 * 2 ** (level / 1.5))[:, None]).astype(np.int64) + 1024
    place = (level.astype(np.int64) * 65536 + cell[:, 0]) * 65536 + cell[:, 1]
    order = np.lexsort((-score, place))
    number = np.arange(len(order))
    first = np.concatenate([[True], np.diff(place[order]) != 0])
    rank = number - np.maximum.accumulate(np.where(first, number, 0))
    kept = order[rank < quota]
    return kept[np.argsort(-score[kept])[:most]]


_ALIKE = 0.02


def varied(corners: Floats, score: Floats, most: int, per_place: int) -> Ints:
    """Indices of the best quads, best first: no two nearly the same, at most ``per_place`` of one card.

    Two are nearly the same when all corners lie within :data:`_ALIKE` widths; they show the same place when
    their centres are close and their areas alike.
    """
    order = np.argsort(-score)[: 8 * most]
    quads = corners[order]
    width = np.sqrt(np.maximum(quad_areas(quads), 1) / 1.4)
    start = quads.sum(axis=2).argmin(axis=1)
    turned = (start[:, None] + np.arange(4)) % 4
    ends = np.take_along_axis(quads, turned[..., None], axis=1).reshape(-1, 8)
    centre = quads.mean(axis=1)
    free = np.ones(len(order), dtype=bool)
    crowd = np.zeros(len(order), dtype=np.int32)
    kept: list[int] = []
    for index in range(len(order)):
        if not free[index]:
            continue
        kept.append(index)
        if len(kept) == most:
            break
        free &= np.abs(ends - ends[index]).max(axis=1) > _ALIKE * width[index]
        near = np.abs(centre - centre[index]).max(axis=1) < 0.25 * width[index]
        near &= np.abs(np.log(width / width[index])) < 0.25
        crowd += near
        free &= crowd < per_place
    return order[np.array(kept, dtype=np.int64)]


_ON_TOP = 0.2
"""Quads whose centres are this close, in square roots of the smaller area, overlap; no clipping is needed.

Nor is it safe: OpenCV's answer is 0 for some quads that lie almost exactly on each other.
"""


def without_overlap(corners: Floats, score: Floats, most: int, overlap: float = 0.25) -> Ints:
    """Indices of the best quads, best first, of which no two share more than ``overlap`` of the smaller.

    A quad around several others that are together more convincing is a page or a row, not a card: it goes.
    """
    quads = corners.astype(np.float32)
    area = quad_areas(quads)
    low, high, middle = quads.min(axis=1), quads.max(axis=1), quads.mean(axis=1)
    near = _ON_TOP * np.sqrt(area)
    order = np.argsort(-score)
    kept = np.zeros(0, dtype=np.int64)
    for index in order:
        if len(kept) == most:
            break
        reach = np.minimum(near[kept], near[index])
        if (np.abs(middle[kept] - middle[index]).max(axis=1) < reach).any():
            continue
        touching = ((low[index] < high[kept]) & (low[kept] < high[index])).all(axis=1)
        apart = all(
            _shared(quads[index], quads[other]) <= overlap * min(area[index], area[other])
            for other in kept[touching]
        )
        if apart and not _is_group(int(index), quads, area, score, order):
            kept = np.append(kept, index)
    return kept


_MEMBER = 0.6
"""A quad inside another counts as a card of its own from this share of the other's score."""


def _is_group(index: int, quads: Floats, area: Floats, score: Floats, order: Ints) -> bool:
    """Whether a quad holds two others or more, apart from each other, that are together more convincing."""
    middle = quads.mean(axis=1)
    side = quads[index][[1, 2, 3, 0]] - quads[index]
    to_middle = middle[:, None] - quads[index]
    inside = (side[:, 0] * to_middle[..., 1] - side[:, 1] * to_middle[..., 0] > 0).all(axis=1)
    members = inside & (area < 0.6 * area[index]) & (score > _MEMBER * score[index]) & (score > 0.1)
    if np.count_nonzero(members) < 2:
        return False
    chosen: list[int] = []
    for other in order[members[order]]:
        if _shared(quads[other], quads[index]) < 0.8 * area[other]:
            continue
        if all(_shared(quads[other], quads[each]) <= 0.2 * min(area[other], area[each]) for each in chosen):
            chosen.append(int(other))
    return len(chosen) >= 2 and float(score[chosen].sum()) > GROUP * float(score[index])


GROUP = 1.8


def _shared(one: Floats, two: Floats) -> float:
    return float(cv2.intersectConvexConvex(one, two)[0])
