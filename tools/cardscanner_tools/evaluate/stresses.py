"""What is done to views and crops, each with an amount that can be checked."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from cardscanner.records import Corners, Picture
from cardscanner_tools.scene.effects import as_mask, blend


def cover(rng: Generator, picture: Picture, portion: float) -> Picture:
    """Cover ``portion`` of the picture with one skin-coloured block that lies wholly inside it.

    The block's shape and place are drawn; its area is right to the pixel grid (within half a row).
    """
    height, width = picture.shape[:2]
    area = portion * height * width
    lowest, highest = max(portion, 0.25), 0.8
    block_h = round(height * float(np.exp(rng.uniform(np.log(lowest), np.log(highest)))))
    block_w = min(width, round(area / block_h))
    block_h = min(height, round(area / block_w))
    top, left = int(rng.integers(height - block_h + 1)), int(rng.integers(width - block_w + 1))
    tone = np.array([224, 172, 140]) * rng.uniform(0.35, 1.1) + rng.normal(0, 8, 3)
    covered = picture.copy()
    covered[top : top + block_h, left : left + block_w] = np.clip(tone, 20, 250)
    return covered


def saturate(rng: Generator, picture: Picture) -> Picture:
    """Lay one ellipse of saturated light on the picture: half axes 15 to 30 % of its width, a soft edge."""
    height, width = picture.shape[:2]
    spot = np.zeros((height, width), np.uint8)
    centre = (round(rng.uniform(0.15, 0.85) * width), round(rng.uniform(0.15, 0.85) * height))
    axes = (round(rng.uniform(0.15, 0.30) * width), round(rng.uniform(0.15, 0.30) * width))
    cv2.ellipse(spot, centre, axes, rng.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA)
    white = np.full_like(picture, 255)
    return blend(white, picture, as_mask(cv2.GaussianBlur(spot, (0, 0), 0.02 * width)))


def jitter(rng: Generator, corners: Corners, portion: float) -> Corners:
    """Move each coordinate of each corner by up to ``portion`` of the card's width."""
    width = float(np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])) / 2
    return np.asarray(corners + rng.uniform(-portion, portion, (4, 2)) * width, np.float32)
