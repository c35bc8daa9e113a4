"""Colours that go together."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Colour = tuple[int, int, int]
"""RGB, 0 to 255."""


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Return an RGB colour from hue (wraps at 1), saturation and value in 0..1."""
    red, green, blue = colorsys.hsv_to_rgb(
        hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0)
    )
    return round(red * 255), round(green * 255), round(blue * 255)


def scheme(rng: Generator, size: int = 6) -> list[Colour]:
    """Return ``size`` colours around one to three related hues."""
    base = rng.random()
    offsets = [(0.0,), (0.0, 0.5), (0.0, 0.08, -0.08), (0.0, 1 / 3, 2 / 3), (0.0, 0.42, 0.58)][
        rng.integers(5)
    ]
    dull = rng.random() < 0.2
    colours = []
    for _ in range(size):
        hue = base + offsets[rng.integers(len(offsets))] + rng.normal(0, 0.02)
        saturation = rng.uniform(0.0, 0.35) if dull else rng.uniform(0.25, 1.0)
        colours.append(hsv(hue, saturation, rng.uniform(0.2, 1.0)))
    return colours


def shade(colour: Colour, factor: float) -> Colour:
    """Return the colour made darker (factor < 1) or lighter (factor > 1)."""
    if factor <= 1:
        scaled = [channel * factor for channel in colour]
    else:
        scaled = [255 - (255 - channel) / factor for channel in colour]
    red, green, blue = (round(min(max(channel, 0), 255)) for channel in scaled)
    return red, green, blue


def ramp(colours: list[Colour], positions: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Map values in 0..1 (any shape) to colours by linear interpolation between equally spaced stops."""
    table = np.array(colours, dtype=np.float32)
    stops = np.linspace(0, 1, len(table))
    fine = np.stack(
        [np.interp(np.linspace(0, 1, 256), stops, table[:, channel]) for channel in range(3)], axis=1
    )
    return np.asarray(fine.astype(np.uint8)[(np.clip(positions, 0, 1) * 255).astype(np.uint8)], np.uint8)
