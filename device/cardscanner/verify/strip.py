"""The strip of a card that its collector number is printed on, as sharp as the frame has it."""

from __future__ import annotations

import cv2
import numpy as np

from cardscanner.records import Corners, Picture
from cardscanner.verify.stored import Grey, grey

TOP = 0.88
"""The strip begins at this share of the card's height and ends at its lower edge."""
DIGIT = 0.019
"""Height of a digit as a share of the card's; 1.3 to 1.7 mm of 88."""
LEAST_DIGIT_PX = 8.0
"""Smaller digits are not read: see docs/experiments.md, "The second look"."""
_READ_DIGIT_PX = 24.0
"""Digits are given to the reader at this height; larger costs more and reads no better."""
_STROKE_PX = 17
"""Ink is thinner than this when a digit is 24 pixels high."""
_LEAST_CONTRAST = 60.0
"""Fainter ink stays faint: noise is not made black."""
_REDUCE = 1.25
"""A card that many times as large as it is read at is reduced first: no aliasing."""
_ASPECT = 63 / 88


def number_strip(picture: Picture, corners: Corners) -> Grey | None:
    """Return the lowest eighth of a card, grey, enlarged or reduced; ``None`` when its digits are too small.

    ``corners`` begin at the top left of the upright card.
    """
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    tall = float(min(sides[1], sides[3], min(sides[0], sides[2]) / _ASPECT))
    if tall * DIGIT < LEAST_DIGIT_PX:
        return None
    high = _READ_DIGIT_PX / DIGIT
    width, top, height = round(high * _ASPECT), TOP * high, round(high * (1 - TOP))
    strip = np.array([[0, -top], [width, -top], [width, high - top], [0, high - top]]) - 0.5
    first, part = _near(picture, corners)
    if tall > _REDUCE * high:
        share = high / tall
        part = np.asarray(cv2.resize(part, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)
    else:
        share = 1.0
    seen = (corners - first + 0.5) * share - 0.5
    there = cv2.getPerspectiveTransform(seen.astype(np.float32), strip.astype(np.float32))
    cut = cv2.warpPerspective(
        part, there, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut, dtype=np.uint8)


def inked(strip: Grey) -> tuple[Grey, Grey]:
    """Return thin dark strokes, and thin light ones, dark on white: frames and pictures around them go.

    The difference to a closing or an opening (black hat, top hat: Meyer 1979). Without it, the rim of a card
    takes the one threshold that Tesseract draws, and letters on a grey ground are lost.
    """
    return _strokes(strip, cv2.MORPH_BLACKHAT), _strokes(strip, cv2.MORPH_TOPHAT)


def _strokes(strip: Grey, kind: int) -> Grey:
    found = cv2.morphologyEx(strip, kind, np.ones((_STROKE_PX, _STROKE_PX), np.uint8)).astype(np.float32)
    strong = max(_LEAST_CONTRAST, float(np.quantile(found, 0.995)))
    return np.asarray(np.clip(255.0 - found * (255.0 / strong), 0, 255), dtype=np.uint8)


def _near(picture: Picture, corners: Corners) -> tuple[Corners, Grey]:
    """Return the card's surroundings in grey, and where they begin."""
    last = np.array(picture.shape[1::-1])
    first = np.clip(np.floor(corners.min(axis=0)) - 2, 0, last - 1).astype(np.int64)
    behind = np.clip(np.ceil(corners.max(axis=0)) + 3, first + 1, last).astype(np.int64)
    part = grey(np.ascontiguousarray(picture[first[1] : behind[1], first[0] : behind[0]]))
    return first.astype(np.float32), part
