"""A card in a camera's picture, cut out once with a rim, at three sizes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.records import Corners, Picture
from cardscanner.verify.stored import HEIGHT_PX, WIDTH_PX, Grey, grey

Points = NDArray[np.float64]
"""(N, 2) x and y in card widths and heights: (0, 0) is the top left corner of the card, (1, 1) the last."""

UNIT = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
"""Corners of the outline as it was found."""

RIM = 0.125
"""Seen around the outline on every side, in card widths and heights: it may be that wrong."""


_RESOLVED = 0.8
"""What a camera resolves, as a share of its pixels: lens and colour filter take the rest."""

_REDUCE = 1.25
"""A card that many times as large as its stored picture is reduced first: no aliasing."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What the camera shows inside an outline and a little around it."""

    sizes: tuple[Grey, Grey, Grey]
    """Whole, half and quarter size; whole is as large as a stored picture (and the rim)."""
    card_px: float
    """Width of the card in the camera's picture."""

    def cut(self, outline: Points, level: int, rim_px: int) -> Grey:
        """Return the card as ``outline`` says it lies, at a level (0 whole), with ``rim_px`` around it."""
        picture = self.sizes[level]
        width, height = WIDTH_PX >> level, HEIGHT_PX >> level
        edge = UNIT * (width, height) - 0.5
        seen = (outline + RIM) * (width, height) - 0.5
        there = cv2.getPerspectiveTransform((edge + rim_px).astype(np.float32), seen.astype(np.float32))
        size = (width + 2 * rim_px, height + 2 * rim_px)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpPerspective(picture, there, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        )

    def as_seen(self, face: Grey) -> Grey:
        """Return a stored picture no sharper than a card of so many pixels can be.

        What the camera cannot show speaks neither for a card nor against it.
        """
        height, width = face.shape
        resolved = self.card_px * _RESOLVED
        if resolved >= width:
            return face
        size = (max(8, round(resolved)), max(8, round(resolved * height / width)))
        small = cv2.resize(face, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def look_at(picture: Picture, corners: Corners) -> View:
    """Cut a card and its surroundings out of a picture; ``corners`` begin at the top left of the card."""
    to_picture = cv2.getPerspectiveTransform(UNIT.astype(np.float32), corners.astype(np.float32))
    rim = ((UNIT - 0.5) * (1 + 2 * RIM) + 0.5)[None]
    wide = cv2.perspectiveTransform(rim, to_picture)[0]
    size = np.array([round(WIDTH_PX * (1 + 2 * RIM)), round(HEIGHT_PX * (1 + 2 * RIM))])
    part, wide, across = _near(picture, wide, size)
    width, height = size.tolist()
    edge = UNIT * size - 0.5
    there = cv2.getPerspectiveTransform(wide.astype(np.float32), edge.astype(np.float32))
    whole = cv2.warpPerspective(part, there, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return _at_three_sizes(np.asarray(whole, np.uint8), across)


def in_picture(outline: Points, corners: Corners) -> Corners:
    """Return where points lie in the picture of the card that ``corners`` stand around."""
    there = cv2.getPerspectiveTransform(UNIT.astype(np.float32), corners.astype(np.float32))
    return np.asarray(cv2.perspectiveTransform(outline[None], there)[0], dtype=np.float32)


def view_of(face: Grey) -> View:
    """Return a stored picture as if a camera saw it exactly."""
    down, right = round(HEIGHT_PX * RIM), round(WIDTH_PX * RIM)
    whole = cv2.copyMakeBorder(face, down, down, right, right, cv2.BORDER_REPLICATE)
    return _at_three_sizes(np.asarray(whole, np.uint8), float(WIDTH_PX))


def _at_three_sizes(whole: Grey, card_px: float) -> View:
    height, width = whole.shape
    half = cv2.resize(whole, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    quarter = cv2.resize(half, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    return View((whole, np.asarray(half, np.uint8), np.asarray(quarter, np.uint8)), card_px)


def _near(picture: Picture, corners: Points, size: NDArray[np.int64]) -> tuple[Grey, Points, float]:
    """Return the grey surroundings of a quad, with about one pixel for each of its ``size``, and the quad.

    The third is the least width of the card inside in the picture's own pixels.
    """
    last = np.array(picture.shape[1::-1])
    first = np.clip(np.floor(corners.min(axis=0)) - 1, 0, last - 1).astype(np.int64)
    behind = np.clip(np.ceil(corners.max(axis=0)) + 2, first + 1, last).astype(np.int64)
    part = grey(np.ascontiguousarray(picture[first[1] : behind[1], first[0] : behind[0]]))
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    times = float(min(sides[[0, 2]].min() / size[0], sides[[1, 3]].min() / size[1]))
    across = times * WIDTH_PX
    moved = corners - first
    if times <= _REDUCE:
        return part, moved, across
    smaller = np.maximum(np.rint(np.array(part.shape[::-1]) / times), 1).astype(np.int64)
    share = smaller / np.array(part.shape[::-1])
    reduced = cv2.resize(part, tuple(smaller.tolist()), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, dtype=np.uint8), np.asarray((moved + 0.5) * share - 0.5), across
