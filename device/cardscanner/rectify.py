"""Cutting a card out of a frame: quad to upright crop, in one area-correct resampling.

The same function makes the crops that the model is trained on, so training and serving cannot drift apart.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from cardscanner.records import Batch, Corners, Picture

_MAX_SAMPLES = 8
_LEAST_PX = 64

CARD_SHAPE = 63 / 88
"""Width over height of a trading card."""


def rectify(picture: Picture, corners: Corners, height: int = 224, width: int = 224) -> Picture:
    """Return the (height, width, 3) crop whose outer edge is the quad.

    ``corners`` are (4, 2) pixels, clockwise from what becomes the top left. Each output pixel is the mean of
    s x s bilinear samples of the source, s chosen so that samples lie at most about one source pixel apart:
    no aliasing when the card is larger than the crop, and no second resampling. (Only a card more than eight
    times as large as the crop is first reduced by a whole number, each pixel the mean of a block.) Parts of
    the quad outside the picture repeat its border.
    """
    per_pixel = _source_pixels_per_pixel(corners, height, width)
    if per_pixel > _MAX_SAMPLES:
        times = min(math.ceil(per_pixel / _MAX_SAMPLES), *picture.shape[:2])
        picture, corners = _reduced(picture, times), np.asarray((corners + 0.5) / times - 0.5, np.float32)
        per_pixel /= times
    samples = min(max(math.ceil(per_pixel), 1), _MAX_SAMPLES)
    target = _pixel_corners(width * samples, height * samples)
    transform = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    dense = cv2.warpPerspective(
        picture,
        transform,
        (width * samples, height * samples),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if samples == 1:
        return np.asarray(dense, dtype=np.uint8)
    return np.asarray(cv2.resize(dense, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def card_picture(picture: Picture, corners: Corners, tallest_px: int) -> Picture:
    """Return the upright card at the resolution it was photographed with, at most ``tallest_px`` high."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    height = int(np.clip(round(float(max(sides[1], sides[3]))), _LEAST_PX, tallest_px))
    return rectify(picture, corners, height, round(height * CARD_SHAPE))


def whole_picture_corners(picture: Picture) -> Corners:
    """Return the outer edge of a picture as a quad: for references and cropped scans."""
    height, width = picture.shape[:2]
    return _pixel_corners(width, height)


def turned(crops: Batch) -> Batch:
    """Return crops (B, H, W, 3) turned by 180 degrees."""
    return np.ascontiguousarray(crops[:, ::-1, ::-1])


def _source_pixels_per_pixel(corners: Corners, height: int, width: int) -> float:
    top, right, bottom, left = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    return max(float(max(top, bottom)) / width, float(max(left, right)) / height)


def _reduced(picture: Picture, times: int) -> Picture:
    """Return the picture with ``times`` x ``times`` pixels made one; its border fills the last blocks up."""
    height, width = picture.shape[:2]
    down, right = -height % times, -width % times
    whole = cv2.copyMakeBorder(picture, 0, down, 0, right, cv2.BORDER_REPLICATE)
    size = ((width + right) // times, (height + down) // times)
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _pixel_corners(width: int, height: int) -> Corners:
    """Outer corners of a picture, with (0, 0) in the centre of its first pixel."""
    right, bottom = width - 0.5, height - 0.5
    return np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]], dtype=np.float32)
