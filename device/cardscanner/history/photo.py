"""The small photo of a card that the history keeps."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from cardscanner.records import Frame, ScanEvent
from cardscanner.rectify import card_picture

TALLEST_PX = 200
QUALITY = 70


def small_photo(event: ScanEvent, frame: Frame) -> bytes | None:
    """Return the card as the deciding frame shows it, as a small JPEG, or ``None``."""
    if not event.in_view:
        return None
    picture = card_picture(frame.pixels, event.corners, TALLEST_PX)
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    encoded: Any = cv2.imencode(".jpg", np.ascontiguousarray(picture[:, :, ::-1]), options)[1]
    return bytes(encoded.tobytes())
