"""Fresh views of the pool's pictures: turned, tilted, zoomed, mirrored, lit, blurred; outlines follow."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cardscanner.detect.corner_finder import PADDING
from cardscanner.pictures import read_picture
from cardscanner.records import Picture
from cardscanner_tools.corners.pool import Example
from cardscanner_tools.scene import effects

Floats = NDArray[np.float32]
_VISIBLE = 0.7
"""Cards of which less is in the view are not asked for ..."""
_LEAST = 14.0
"""... nor smaller ones (width in pixels)."""


def view(rng: Generator, example: Example, side: int) -> tuple[Picture, Floats, NDArray[np.bool_]]:
    """Return a (side, side, 3) picture, the outlines in it, and which of them are only boxes."""
    picture = read_picture(example.path)
    move = _move(rng, picture.shape[1], picture.shape[0], side, upright=bool(example.boxes.any()))
    seen = _through_camera(rng, _seen(rng, picture, move, side))
    outlines = example.outlines
    if len(outlines):
        moved = cv2.perspectiveTransform(outlines.reshape(-1, 1, 2), move)
        outlines = np.asarray(moved, np.float32).reshape(-1, 4, 2)
    kept = np.array([_share(each, side) >= _VISIBLE and _size(each) > _LEAST for each in outlines], np.bool_)
    return seen, outlines[kept], example.boxes[kept]


def _move(rng: Generator, width: int, height: int, side: int, *, upright: bool) -> NDArray[np.float64]:
    """A perspective map (3, 3) from the picture into the view; upright boxes stay upright boxes."""
    zoom = side / max(width, height)
    if rng.random() < 0.7:
        zoom *= float(np.exp(rng.uniform(np.log(0.7), np.log(1.9))))
    turn = rng.uniform(0, 2 * np.pi) if rng.random() < 0.4 else rng.normal(0, 0.12)
    stretch = np.exp(rng.normal(0, 0.05, 2))
    if upright:
        turn, stretch = 0.0, np.ones(2)
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    cos, sin = np.cos(turn) * zoom, np.sin(turn) * zoom
    linear = np.array([[cos * mirror, -sin], [sin * mirror, cos]]) @ np.diag(stretch)
    room = np.maximum(0, np.abs(linear @ np.diag([width, height])).sum(axis=1) - side) / 2
    affine = np.eye(3)
    affine[:2, :2] = linear
    affine[:2, 2] = side / 2 + rng.uniform(-1, 1, 2) * (room + 0.08 * side) - linear @ [width / 2, height / 2]
    if upright or rng.random() < 0.4:
        return affine
    tilt = np.eye(3)
    tilt[2, :2] = rng.normal(0, 0.12, 2) / side
    return _shifted(side / 2) @ tilt @ _shifted(-side / 2) @ affine


def _shifted(by: float) -> NDArray[np.float64]:
    return np.array([[1, 0, by], [0, 1, by], [0, 0, 1]], np.float64)


def _seen(rng: Generator, picture: Picture, move: NDArray[np.float64], side: int) -> Picture:
    scale = float(np.sqrt(abs(np.linalg.det(move[:2, :2]))))
    if scale < 0.6:  # warping skips pixels: shrink first
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        ratio = np.array([small.shape[1] / picture.shape[1], small.shape[0] / picture.shape[0]])
        shrink = np.diag([*ratio, 1.0])
        shrink[:2, 2] = 0.5 * ratio - 0.5
        picture, move = np.asarray(small, np.uint8), move @ np.linalg.inv(shrink)
    border = cv2.BORDER_CONSTANT if rng.random() < 0.6 else cv2.BORDER_REPLICATE
    tone = rng.integers(0, 256, 3).tolist() if rng.random() < 0.5 else [PADDING] * 3
    warped = cv2.warpPerspective(
        picture, move, (side, side), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=tone
    )
    return np.asarray(warped, np.uint8)


def _through_camera(rng: Generator, seen: Picture) -> Picture:
    if rng.random() < 0.7:
        seen = effects.light(rng, seen, rng.uniform(0.2, 1.6))
    if rng.random() < 0.15:
        seen = np.repeat(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    if rng.random() < 0.3:
        seen = effects.blur(rng, seen, abs(rng.normal(0, 0.8)))
    if rng.random() < 0.3:
        seen = effects.sensor(rng, seen, rng.uniform(0.2, 1.2))
    if rng.random() < 0.12:
        seen = effects.glare(rng, seen, rng.uniform(0.5, 1.5))
    return seen


def _share(outline: Floats, side: int) -> float:
    frame = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32) - 0.5
    shared = cv2.intersectConvexConvex(outline.astype(np.float32), frame)[0]
    return float(shared / max(1.0, cv2.contourArea(outline.astype(np.float32))))


def _size(outline: Floats) -> float:
    return float(np.sqrt(cv2.contourArea(outline.astype(np.float32)) / 1.4))
