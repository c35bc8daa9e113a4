"""A scene as the JPEG that browsers show: small, with outlines and names drawn."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from cardscanner.draw import draw_outlines
from cardscanner.live import Scene
from cardscanner.records import Outline, Picture

LONGEST_PX = 960
_QUALITY = 75


def scene_jpeg(scene: Scene, longest_px: int = LONGEST_PX) -> bytes:
    """Return the picture of a scene, its longer side at most ``longest_px``."""
    picture = scene.frame.pixels
    scale = min(1.0, longest_px / max(picture.shape[:2]))
    canvas = _scaled(picture, scale)
    draw_outlines(canvas, [_moved(each, scale) for each in scene.outlines])
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(canvas, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    return data.tobytes()


def _scaled(picture: Picture, scale: float) -> Picture:
    if scale == 1.0:
        return picture.copy()
    height, width = picture.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _moved(outline: Outline, scale: float) -> Outline:
    """Return an outline in the smaller picture; (0, 0) is the centre of a pixel."""
    corners = np.asarray((outline.corners + 0.5) * scale - 0.5, np.float32)
    return replace(outline, corners=corners)
