"""Areas and overlaps of quads."""

from __future__ import annotations

import cv2
import numpy as np

from cardscanner.records import Corners

_Point = tuple[float, float]


def area(corners: Corners) -> float:
    """Area in square pixels of a convex quad (4, 2)."""
    return float(cv2.contourArea(corners.astype(np.float32)))


def overlap(first: Corners, second: Corners) -> float:
    """Area of the intersection of two convex quads in square pixels, in whichever direction they run.

    The first is clipped at each edge of the second in turn (Sutherland and Hodgman 1974). OpenCV's
    ``intersectConvexConvex`` answers 0 for some quads that lie almost exactly on each other, as the outlines
    of a card that does not move do.
    """
    if np.any(first.max(axis=0) <= second.min(axis=0)) or np.any(second.max(axis=0) <= first.min(axis=0)):
        return 0.0
    origin = first[0].astype(np.float64)
    left, edges = _points(first - origin), _points(second - origin)
    if _signed_area(edges) < 0:
        edges.reverse()
    for start, end in zip(edges, [*edges[1:], edges[0]], strict=True):
        left = _clipped(left, start, end)
    return abs(_signed_area(left))


def iou(first: Corners, second: Corners) -> float:
    """Intersection over union, 0 to 1."""
    shared = overlap(first, second)
    return min(shared / max(area(first) + area(second) - shared, 1e-9), 1.0)


def covered(first: Corners, second: Corners) -> float:
    """Intersection over the smaller of the two: 1 when one lies inside the other."""
    return min(overlap(first, second) / max(min(area(first), area(second)), 1e-9), 1.0)


def _points(corners: Corners) -> list[_Point]:
    return [(float(x), float(y)) for x, y in corners]


def _signed_area(points: list[_Point]) -> float:
    following = [*points[1:], *points[:1]]
    return sum(x * v - y * u for (x, y), (u, v) in zip(points, following, strict=True)) / 2


def _clipped(points: list[_Point], start: _Point, end: _Point) -> list[_Point]:
    """Return what of a polygon lies on the inner side of the line from ``start`` to ``end``."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    sides = [along_x * (y - start[1]) - along_y * (x - start[0]) for x, y in points]
    kept: list[_Point] = []
    for number, (point, side) in enumerate(zip(points, sides, strict=True)):
        before, side_before = points[number - 1], sides[number - 1]
        if (side_before > 0 > side) or (side_before < 0 < side):
            part = side_before / (side_before - side)
            kept.append(
                (before[0] + part * (point[0] - before[0]), before[1] + part * (point[1] - before[1]))
            )
        if side >= 0:
            kept.append(point)
    return kept
