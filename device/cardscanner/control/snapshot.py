"""``snapshot``: the newest frame as a small JPEG."""

from __future__ import annotations

import base64
import time
from typing import Any

import cv2
import numpy as np

from cardscanner.control.room import ControlRoom
from cardscanner.errors import CommandRefused
from cardscanner.publish.orders import AnyAnswer, Order, asked, good
from cardscanner.publish.payload_answer import SnapshotData
from cardscanner.publish.payload_request import SnapshotRequest
from cardscanner.records import Picture

MAX_JPEG_BYTES = 72_000
"""As base64 within 100 KB."""
_QUALITIES = (85, 70, 50, 30, 10)


def snapshot(room: ControlRoom, order: Order) -> AnyAnswer:
    """Answer with the newest frame; it is shown whether or not scanning is paused."""
    request = asked(order, SnapshotRequest)
    frame = room.slot.newest
    if frame is None:
        raise CommandRefused("not_available", "no frame has come from the camera yet: see state.camera")
    picture = _fitted(frame.pixels, request.max_side_px)
    jpeg = _jpeg(picture)
    age_ns = max(0, time.monotonic_ns() - frame.captured_ns)
    data = SnapshotData(
        camera=frame.camera,
        width=picture.shape[1],
        height=picture.shape[0],
        age_ms=age_ns // 1_000_000,
        jpeg=base64.b64encode(jpeg).decode(),
    )
    return good(order, data)


def _fitted(picture: Picture, max_side_px: int) -> Picture:
    height, width = picture.shape[:2]
    scale = min(1.0, max_side_px / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(picture: Picture) -> bytes:
    """Return the best quality that fits into an answer."""
    bgr = np.ascontiguousarray(picture[:, :, ::-1])
    for quality in _QUALITIES:
        encoded: Any = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        if encoded.nbytes <= MAX_JPEG_BYTES:
            return bytes(encoded.tobytes())
    raise CommandRefused("failed", "the frame does not fit into an answer: ask for a smaller max_side_px")
