"""Small card-like pictures, drawn from a number: a frame, a title, a scene of shapes, a text box."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from cardscanner.records import Picture


def draw_card(number: int, height: int = 92, width: int = 66, print_number: int = 0) -> Picture:
    """Draw card ``number``; another ``print_number`` changes only a tiny mark in the corner."""
    rng = np.random.default_rng([7, number])
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = rng.integers(120, 256, 3)
    top, bottom, side = height // 7, height * 4 // 7, width // 10
    scene = rng.integers(0, 256, (4, 4, 3)).astype(np.uint8)
    picture[top:bottom, side:-side] = cv2.resize(
        scene, (width - 2 * side, bottom - top), interpolation=cv2.INTER_CUBIC
    )
    for _ in range(4):
        centre = (int(rng.integers(side, width - side)), int(rng.integers(top, bottom)))
        cv2.circle(picture, centre, int(rng.integers(3, width // 5)), rng.integers(0, 256, 3).tolist(), -1)
    for line in range(bottom + 4, height - 6, 5):
        end = side + int(rng.integers(width // 3, width - 2 * side))
        cv2.line(picture, (side, line), (end, line), rng.integers(0, 120, 3).tolist(), 2)
    cv2.putText(
        picture, f"{number:04d}", (side, top - 3), cv2.FONT_HERSHEY_PLAIN, width / 90, (20, 20, 20), 1
    )
    picture[-3:, -3 - print_number : width - print_number] = 255 * (print_number % 2)
    return picture


def write_card(path: Path, number: int, print_number: int = 0) -> Path:
    """Write one card as a picture file."""
    cv2.imwrite(str(path), draw_card(number, print_number=print_number)[:, :, ::-1])
    return path


def write_cards(folder: Path, count: int, first: int = 0) -> Path:
    """Fill a folder with cards named card-000.png, card-001.png, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        write_card(folder / f"card-{number:03d}.png", number)
    return folder
