"""What cards lie on in drawn frames: tables, cloth, prints, photographs; and what lies beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.random import Generator

from cardscanner.records import Picture
from cardscanner_tools.finder.layouts import placed
from cardscanner_tools.finder.warp import warp_onto
from cardscanner_tools.render.art import BACKDROPS, noise_field, paint_art
from cardscanner_tools.render.palette import ramp, scheme
from cardscanner_tools.scene.props import PROPS
from cardscanner_tools.scene.stage import Pose, Thing, lay


def lay_ground(rng: Generator, height: int, width: int, grounds: Sequence[Picture]) -> Picture:
    """Return a frame with nothing on it yet, a quarter of them photographs if there are some."""
    if len(grounds) and rng.random() < 0.25:
        photo = grounds[int(rng.integers(len(grounds)))]
        scale = max(height / photo.shape[0], width / photo.shape[1])
        size = (int(np.ceil(photo.shape[1] * scale)), int(np.ceil(photo.shape[0] * scale)))
        return np.ascontiguousarray(cv2.resize(photo, size)[:height, :width], dtype=np.uint8)
    draw = _GROUNDS[rng.integers(len(_GROUNDS))]
    return np.ascontiguousarray(draw(rng, height, width))


def _plain(rng: Generator, height: int, width: int) -> Picture:
    dark = rng.uniform(0.05, 1.0)
    tone = ramp(scheme(rng, 2), noise_field(rng, height, width, 2, 2) * rng.uniform(0, 0.3))
    return np.asarray(tone * dark).astype(np.uint8)


def _grey(rng: Generator, height: int, width: int) -> Picture:
    level = rng.uniform(8, 245)
    tint = rng.normal(0, 5, 3)
    cloth = (rng.random((height, width, 1), dtype=np.float32) - 0.5) * rng.uniform(0, 40)
    slow = (noise_field(rng, height, width, 3, 2)[..., None] - 0.5) * rng.uniform(0, 40)
    return np.asarray(np.clip(level + tint + cloth + slow, 0, 255)).astype(np.uint8)


def _wood(rng: Generator, height: int, width: int) -> Picture:
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
    across = rows * np.cos(angle) - columns * np.sin(angle)
    bend = noise_field(rng, height, width, 3, 2) * rng.uniform(5, 60)
    grain = (
        np.sin((across + bend) / rng.uniform(1.5, 8)) * 0.5
        + np.sin((across + bend) / rng.uniform(8, 30)) * 0.5
    )
    fine = cv2.resize(rng.random((height, max(4, width // 30)), dtype=np.float32), (width, height))
    field = np.clip(0.5 + 0.18 * grain + 0.25 * (fine - 0.5), 0, 1)
    colour = np.array([rng.uniform(70, 220), 0, 0])
    colour[1] = colour[0] * rng.uniform(0.65, 0.85)
    colour[2] = colour[1] * rng.uniform(0.6, 0.85)
    wood = colour * (0.6 + 0.6 * field[..., None])
    if rng.random() < 0.5:
        plank = rng.uniform(0.08, 0.3) * max(height, width)
        wood[np.mod(across, plank) < rng.uniform(1, 3)] *= 0.4
    return np.asarray(np.clip(wood, 0, 255)).astype(np.uint8)


def _weave(rng: Generator, height: int, width: int) -> Picture:
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    step = rng.uniform(2, 14)
    angle = rng.uniform(0, np.pi)
    u, v = columns * np.cos(angle) + rows * np.sin(angle), rows * np.cos(angle) - columns * np.sin(angle)
    threads = 0.5 + 0.25 * np.sin(u / step * 2 * np.pi) + 0.25 * np.sin(v / step * 2 * np.pi)
    amount = rng.uniform(0.03, 0.5)
    return ramp(scheme(rng, 3), np.clip(0.3 + amount * (threads - 0.5), 0, 1).astype(np.float32))


def _print(rng: Generator, height: int, width: int) -> Picture:
    return paint_art(rng, height, width)


def _backdrop(rng: Generator, height: int, width: int) -> Picture:
    return BACKDROPS[rng.integers(len(BACKDROPS))](rng, height, width, scheme(rng))


_GROUNDS: tuple[Callable[[Generator, int, int], Picture], ...] = (
    _plain, _grey, _grey, _wood, _wood, _weave, _print, _backdrop,
)  # fmt: skip


def lay_clutter(rng: Generator, view: Picture) -> None:
    """Books, papers, phones, cables: rectangles that are no cards, lines that are no sides."""
    height, width = view.shape[:2]
    kind = rng.integers(6)
    if kind == 0:  # a cable or a seam
        points = (rng.uniform(-0.2, 1.2, (2, 2)) * [width, height]).astype(int)
        tone = tuple(int(v) for v in rng.integers(0, 256, 3))
        cv2.line(view, points[0].tolist(), points[1].tolist(), tone, int(rng.integers(1, 14)), cv2.LINE_AA)
        return
    side = rng.uniform(0.2, 0.9) * min(height, width)
    if kind >= 4:  # a phone, a receipt, a book, a cup ...
        x, y = rng.uniform(-0.1, 1.1, 2) * [width, height]
        lay(
            view,
            Thing(*PROPS[rng.integers(len(PROPS))](rng), Pose(x, y, side, *rng.normal(0, [2.0, 0.2, 0.2]))),
        )
        return
    ratio = float(rng.choice([rng.uniform(0.2, 0.6), rng.uniform(0.85, 1.0), 0.707, rng.uniform(1.6, 4)]))
    outline = placed(rng, side, side * ratio, rng.uniform(-0.1, 1.1, 2) * [width, height], (height, width))
    piece = np.empty((160, max(8, int(160 * ratio)), 3), np.uint8)
    piece[:] = rng.integers(0, 256, 3)
    if kind == 2:
        piece[:] = rng.uniform(215, 255)
        for row in range(12, 150, 9):
            cv2.line(piece, (8, row), (int(piece.shape[1] * rng.uniform(0.5, 0.95)), row), (60, 60, 70), 1)
    if kind == 3:
        piece[:] = paint_art(rng, *piece.shape[:2])
    warp_onto(view, piece, np.full(piece.shape[:2], 255, np.uint8), outline, 1.0)
