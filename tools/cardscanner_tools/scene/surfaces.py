"""What cards lie on: wood, cloth, paint, plastic, printed mats."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator

from cardscanner.records import Picture
from cardscanner_tools.render.art import BACKDROPS, noise_field
from cardscanner_tools.render.palette import hsv, ramp, scheme


def wood(rng: Generator, height: int, width: int) -> Picture:
    """Boards with grain along the picture."""
    tone, depth = rng.uniform(0.25, 0.9), rng.uniform(0.3, 0.7)
    hue = rng.uniform(0.05, 0.1)
    colours = [hsv(hue, depth, tone * 0.6), hsv(hue, depth, tone), hsv(hue, depth * 0.8, tone * 0.8)]
    grain = noise_field(rng, height, max(4, width // 16), 4, 5)
    field = cv2.resize(grain, (width, height)) * 0.8 + 0.2 * noise_field(rng, height, width, 2, 3)
    return ramp(colours, np.asarray(field, np.float32))


def cloth(rng: Generator, height: int, width: int) -> Picture:
    """Woven stuff: fine regular threads and folds."""
    base = scheme(rng, 2)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    threads = 0.5 + 0.25 * np.sin(rows * 1.9) * np.sin(columns * 1.7)
    return ramp(base, 0.35 * threads + 0.5 * noise_field(rng, height, width, 3, 2))


def speckle(rng: Generator, height: int, width: int) -> Picture:
    """Stone or plastic with grains."""
    noise = rng.random((height, width), dtype=np.float32) - 0.5
    return ramp(scheme(rng, 2), 0.5 + noise * rng.uniform(0, 0.5))


def paint(rng: Generator, height: int, width: int) -> Picture:
    """A nearly uniform desk, any colour, often white, grey or black."""
    colours = (
        [hsv(0, 0, rng.uniform(0, 1)), hsv(0.6, 0.05, rng.uniform(0, 1))]
        if rng.random() < 0.5
        else scheme(rng, 2)
    )
    return ramp(colours, noise_field(rng, height, width, 2, 2) * rng.uniform(0, 0.3))


def print_(rng: Generator, height: int, width: int) -> Picture:
    """A printed mat: as busy as the cards on it."""
    return BACKDROPS[rng.integers(len(BACKDROPS))](rng, height, width, scheme(rng))


SURFACES: list[Callable[[Generator, int, int], Picture]] = [wood, cloth, speckle, paint, paint, print_]
