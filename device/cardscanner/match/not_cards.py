"""Pictures that are no cards: flat, shaded, noisy, striped, checkered, printed with text."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from cardscanner.records import Picture

Rng = np.random.Generator


def draw_not_card(number: int, height: int, width: int, rng: Rng) -> Picture:
    """Return a (height, width, 3) picture; consecutive numbers give the kinds in turn."""
    return _KINDS[number % len(_KINDS)](height, width, rng)


def _flat(height: int, width: int, rng: Rng) -> Picture:
    return _grain(np.broadcast_to(_colour(rng), (height, width, 3)), rng)


def _shaded(height: int, width: int, rng: Rng) -> Picture:
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    turn = rng.uniform(0, 2 * np.pi)
    share = (x * np.cos(turn) + y * np.sin(turn))[:, :, None]
    return _grain(_colour(rng) * (1 - share) + _colour(rng) * share, rng)


def _cloudy(height: int, width: int, rng: Rng) -> Picture:
    """Draw blotches of a random size: cloth, carpet, skin."""
    cells = int(rng.integers(2, 24))
    blotches = rng.uniform(0, 255, (cells, cells, 3)).astype(np.float32)
    return _grain(cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC), rng)


def _noisy(height: int, width: int, rng: Rng) -> Picture:
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def _striped(height: int, width: int, rng: Rng) -> Picture:
    """Draw parallel lines: wood, blinds, a keyboard."""
    y, x = np.mgrid[0:height, 0:width]
    turn, period = rng.uniform(0, np.pi), rng.uniform(0.03, 0.4) * width
    wave = np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / period)[:, :, None]
    return _grain(_colour(rng) + wave * rng.uniform(10, 80), rng)


def _checkered(height: int, width: int, rng: Rng) -> Picture:
    cells = int(rng.integers(2, 12))
    board = (np.indices((cells, cells)).sum(axis=0) % 2).astype(np.float32)[:, :, None]
    colours = (board * _colour(rng) + (1 - board) * _colour(rng)).astype(np.float32)
    return _grain(cv2.resize(colours, (width, height), interpolation=cv2.INTER_NEAREST), rng)


def _printed(height: int, width: int, rng: Rng) -> Picture:
    """Draw lines of letters on paper, with a frame now and then: leaflets, boxes, receipts."""
    page = np.full((height, width, 3), rng.integers(170, 256, 3), dtype=np.uint8)
    ink = [int(value) for value in rng.integers(0, 110, 3)]
    if rng.random() < 0.5:
        cv2.rectangle(page, (width // 30, height // 30), (width * 29 // 30, height * 29 // 30), ink, 3)
    line = int(rng.integers(height // 24, height // 8))
    for bottom in range(line * 2, height - line, line):
        letters = "".join(chr(each) for each in rng.integers(97, 123, int(rng.integers(4, 30))))
        cv2.putText(
            page, letters, (width // 12, bottom), cv2.FONT_HERSHEY_SIMPLEX, line / 40, ink, 1, cv2.LINE_AA
        )
    return _grain(page, rng)


_KINDS: tuple[Callable[[int, int, Rng], Picture], ...] = (
    _flat, _shaded, _cloudy, _noisy, _striped, _checkered, _printed,
)  # fmt: skip

PATTERNS = len(_KINDS)


def _colour(rng: Rng) -> np.ndarray:
    return rng.uniform(0, 255, 3)


def _grain(light: np.ndarray, rng: Rng) -> Picture:
    noisy = light + rng.normal(0.0, rng.uniform(0.5, 5.0), light.shape)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), dtype=np.uint8)
