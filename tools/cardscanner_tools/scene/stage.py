"""A table seen by a camera from above: cards, props and hands laid onto a surface."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.records import Corners, Picture
from cardscanner_tools.render.cards import rounded_mask
from cardscanner_tools.scene import effects

Skin = NDArray[np.float64]
"""(3,) RGB, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a flat thing lies: centre and height in pixels, turn and tilts in radians."""

    x: float
    y: float
    height_px: float
    turn: float = 0.0
    tilt_x: float = 0.0
    tilt_y: float = 0.0

    def corners(self, aspect: float) -> Corners:
        """Corners (4, 2) of a thing whose width is ``aspect`` times its height, seen with perspective."""
        half_h = self.height_px / 2
        flat = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [half_h * aspect, half_h]
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        x, y = flat[:, 0] * cos - flat[:, 1] * sin, flat[:, 0] * sin + flat[:, 1] * cos
        depth = 1 + (x * np.sin(self.tilt_y) + y * np.sin(self.tilt_x)) / 1400
        points = np.stack(
            [self.x + x * np.cos(self.tilt_y) / depth, self.y + y * np.cos(self.tilt_x) / depth], 1
        )
        return points.astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """A flat thing on the table."""

    face: Picture
    mask: NDArray[np.uint8]
    pose: Pose

    @property
    def corners(self) -> Corners:
        """Its outline in the frame."""
        return self.pose.corners(self.face.shape[1] / self.face.shape[0])


def card_thing(face: Picture, pose: Pose) -> Thing:
    """A card with its rounded corners."""
    return Thing(face, rounded_mask(*face.shape[:2]), pose)


def lay(view: Picture, thing: Thing) -> None:
    """Draw a thing onto the view, in place, with the thin shadow that lies under an edge."""
    corners = thing.corners
    low = np.floor(corners.min(axis=0)).astype(int) - 8
    high = np.ceil(corners.max(axis=0)).astype(int) + 9
    (left, top), (right, bottom) = np.maximum(low, 0), np.minimum(high, [view.shape[1], view.shape[0]])
    if left >= right or top >= bottom:
        return
    part = view[top:bottom, left:right]
    size = (int(right - left), int(bottom - top))
    face, mask = _reduced(thing, corners)
    transform = _transform(face.shape[:2], corners - [left, top])
    flat = cv2.warpPerspective(face, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    where = effects.as_mask(cv2.warpPerspective(mask, transform, size, flags=cv2.INTER_LINEAR))
    fallen = np.zeros_like(where)
    fallen[2:, 2:] = where[:-2, :-2]
    shade = cv2.GaussianBlur(fallen, (0, 0), 2.5) * 0.35
    dark = cv2.multiply(part, cv2.merge([1 - shade] * 3), dtype=cv2.CV_8U)
    part[:] = effects.blend(np.asarray(flat, np.uint8), np.asarray(dark, np.uint8), where)


def _reduced(thing: Thing, corners: Corners) -> tuple[Picture, NDArray[np.uint8]]:
    """Face and mask made smaller area-correctly when they would be drawn much smaller."""
    scale = float(np.linalg.norm(corners[3] - corners[0])) / thing.face.shape[0]
    if scale > 0.8:
        return thing.face, thing.mask
    size = (max(8, round(thing.face.shape[1] * scale)), max(8, round(thing.face.shape[0] * scale)))
    face = cv2.resize(thing.face, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(thing.mask, size, interpolation=cv2.INTER_AREA)
    return np.asarray(face, np.uint8), np.asarray(mask, np.uint8)


def _transform(shape: tuple[int, ...], corners: Corners) -> NDArray[np.float64]:
    height, width = shape[:2]
    edge = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    return np.asarray(cv2.getPerspectiveTransform(edge, corners.astype(np.float32)))


def hand(view: Picture, tip: tuple[float, float], toward: float, skin: Skin, size_px: float) -> None:
    """Draw a hand in place: fingers that end at ``tip`` and come from direction ``toward`` (radians)."""
    covered = np.zeros(view.shape[:2], np.uint8)
    along = np.array([np.cos(toward), np.sin(toward)])
    across = np.array([-along[1], along[0]])
    thick = max(3, round(size_px * 0.3))
    start = np.array(tip)
    palm = start + along * size_px * 1.6
    for finger, length in ((-0.5, 0.15), (-0.17, 0.0), (0.17, 0.04), (0.5, 0.22)):
        end = start + across * finger * size_px * 1.25 + along * length * size_px
        knuckle = palm + across * finger * size_px
        cv2.line(covered, _point(end), _point(knuckle), 255, thick, cv2.LINE_AA)
    cv2.circle(covered, _point(palm + along * size_px * 0.5), round(size_px * 0.85), 255, -1, cv2.LINE_AA)
    wrist = palm + along * size_px * 12
    cv2.line(
        covered, _point(palm + along * size_px * 0.6), _point(wrist), 255, round(size_px * 1.1), cv2.LINE_AA
    )
    where = effects.as_mask(cv2.GaussianBlur(covered, (0, 0), 1.2))
    round_light = 0.7 + 0.3 * cv2.GaussianBlur(covered, (0, 0), thick / 2.5).astype(np.float32) / 255
    flesh = np.clip(skin * round_light[..., None], 0, 255).astype(np.uint8)
    view[:] = effects.blend(flesh, view, where)


def _point(at: NDArray[np.float64]) -> tuple[int, int]:
    x, y = np.round(np.clip(at, -20000, 20000)).astype(int)
    return int(x), int(y)
