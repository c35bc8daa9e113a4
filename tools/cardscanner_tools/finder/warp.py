"""Drawing a flat piece into a quad of a picture."""

from __future__ import annotations

import cv2
import numpy as np

from cardscanner.records import Corners, Picture
from cardscanner_tools.scene import effects


def warp_onto(
    view: Picture, piece: Picture, mask: Picture, outline: Corners, amount: float, soft_px: float = 0.0
) -> None:
    """Draw ``piece`` into ``outline``, in place, area-correct."""
    height, width = piece.shape[:2]
    shrink = max(1e-3, float(np.linalg.norm(outline[3] - outline[0])) / height)
    if shrink < 0.8:
        size = (max(8, round(width * shrink)), max(8, round(height * shrink)))
        piece = np.asarray(cv2.resize(piece, size, interpolation=cv2.INTER_AREA), np.uint8)
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = piece.shape[:2]
    edge = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    transform = cv2.getPerspectiveTransform(edge, outline.astype(np.float32))
    size = (view.shape[1], view.shape[0])
    flat = cv2.warpPerspective(
        piece, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    where = effects.as_mask(cv2.warpPerspective(mask, transform, size, flags=cv2.INTER_LINEAR)) * np.float32(
        amount
    )
    if soft_px > 0.3:
        where = np.asarray(cv2.GaussianBlur(where, (0, 0), soft_px), np.float32)
    view[:] = effects.blend(np.asarray(flat, np.uint8), view, where)
