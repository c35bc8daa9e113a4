"""Things that lie on tables and are not cards."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cardscanner.records import Picture
from cardscanner_tools.render.cards import rounded_mask

Prop = tuple[Picture, NDArray[np.uint8]]
"""Face (H, W, 3) and mask (H, W)."""


def phone(rng: Generator) -> Prop:
    """A phone, screen dark or with rows of icons."""
    face = np.full((480, 230, 3), 18, np.uint8)
    if rng.random() < 0.7:
        cv2.rectangle(face, (10, 24), (220, 456), tuple(int(v) for v in rng.integers(20, 120, 3)), -1)
        for row in range(6):
            for column in range(4):
                colour = tuple(int(v) for v in rng.integers(60, 256, 3))
                left, top = 22 + column * 50, 60 + row * 62
                cv2.rectangle(face, (left, top), (left + 34, top + 34), colour, -1)
    mask = rounded_mask(480, 230)
    return face, mask


def receipt(rng: Generator) -> Prop:
    """A long strip of paper with lines of print."""
    face = np.full((520, 190, 3), 238, np.uint8)
    for line in range(26):
        y = 20 + line * 18
        cv2.line(face, (14, y), (14 + int(rng.integers(40, 120)), y), (70, 70, 75), 3)
        cv2.line(face, (150, y), (176, y), (70, 70, 75), 3)
    return face, np.full((520, 190), 255, np.uint8)


def book(rng: Generator) -> Prop:
    """A book cover, squarer than a card."""
    face = np.empty((500, 420, 3), np.uint8)
    face[:] = rng.integers(30, 220, 3)
    cv2.rectangle(face, (30, 60), (390, 130), tuple(int(v) for v in rng.integers(0, 256, 3)), -1)
    cv2.circle(face, (210, 320), 90, tuple(int(v) for v in rng.integers(0, 256, 3)), 12, cv2.LINE_AA)
    return face, np.full((500, 420), 255, np.uint8)


def cup(rng: Generator) -> Prop:
    """A cup from above: rings."""
    face = np.full((360, 360, 3), 235, np.uint8)
    coffee = (int(rng.integers(40, 90)), 40, 20)
    cv2.circle(face, (180, 180), 150, (205, 205, 210), 10, cv2.LINE_AA)
    cv2.circle(face, (180, 180), 130, coffee, -1, cv2.LINE_AA)
    mask = np.zeros((360, 360), np.uint8)
    cv2.circle(mask, (180, 180), 175, 255, -1, cv2.LINE_AA)
    return face, mask


def coins(rng: Generator) -> Prop:
    """Three coins."""
    face = np.full((300, 300, 3), 90, np.uint8)
    mask = np.zeros((300, 300), np.uint8)
    for x, y, radius in ((80, 90, 60), (200, 120, 70), (130, 220, 55)):
        metal = tuple(int(v) for v in np.array([200, 180, 110]) * rng.uniform(0.7, 1.1))
        cv2.circle(face, (x, y), radius, metal, -1, cv2.LINE_AA)
        cv2.circle(face, (x, y), radius - 12, (120, 105, 60), 3, cv2.LINE_AA)
        cv2.circle(mask, (x, y), radius, 255, -1, cv2.LINE_AA)
    return face, mask


def note(rng: Generator) -> Prop:
    """A square sticky note with scribbles."""
    face = np.empty((300, 300, 3), np.uint8)
    face[:] = (250, 235, 120)
    for _ in range(6):
        points = rng.integers(30, 270, (5, 1, 2)).astype(np.int32)
        cv2.polylines(face, [points], False, (40, 40, 90), 4, cv2.LINE_AA)
    return face, np.full((300, 300), 255, np.uint8)


PROPS: list[Callable[[Generator], Prop]] = [phone, receipt, book, cup, coins, note]
