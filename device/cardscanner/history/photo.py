"""The small photo of a card that the history keeps."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from cardscanner.records import Corners, Frame, Picture, ScanEvent
from cardscanner.rectify import card_picture

TALLEST_PX = 176
QUALITY = 50
"""3.2 KB for the cards of real photos (``python -m cardscanner_tools.bench_storage --data``): a quarter of
all that a scan writes to the SD card."""


def small_photo(event: ScanEvent, frame: Frame) -> bytes | None:
    """Return the card as the deciding frame shows it, as a small JPEG, or ``None``."""
    if not event.in_view:
        return None
    return small_jpeg(frame.pixels, event.corners)


def small_jpeg(picture: Picture, corners: Corners) -> bytes:
    """Return a card within a picture as a small JPEG."""
    card = card_picture(picture, corners, TALLEST_PX)
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    encoded: Any = cv2.imencode(".jpg", np.ascontiguousarray(card[:, :, ::-1]), options)[1]
    return bytes(encoded.tobytes())
