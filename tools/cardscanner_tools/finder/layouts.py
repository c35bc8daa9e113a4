"""Where cards lie in drawn frames: one camera's view of a table or a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cardscanner.records import Corners

Points = NDArray[np.floating[Any]]
RATIO = 88 / 63
_SQUARE = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], np.float32)


def placed(
    rng: Generator,
    width_px: float,
    height_px: float,
    centre: Points,
    size: tuple[int, int],
    turn: float | None = None,
) -> Corners:
    """Corners of a rectangle seen by a camera, turned in the plane and tilted out of it."""
    return _camera(rng, size, turn)(_SQUARE * [width_px, height_px], centre)


def _camera(
    rng: Generator, size: tuple[int, int], turn: float | None = None
) -> Callable[[Points, Points], Corners]:
    """One view of a table: maps points around a centre on the table to the picture."""
    spin = rng.uniform(0, 2 * np.pi) if turn is None else turn
    tilt = abs(rng.normal(0, 0.3)) if rng.random() < 0.7 else 0.0
    tilt, towards = min(tilt, 0.9), rng.uniform(0, 2 * np.pi)
    focal = rng.uniform(0.9, 1.8) * max(size)

    def see(points: Points, centre: Points) -> Corners:
        rotated = points @ np.array([[np.cos(spin), np.sin(spin)], [-np.sin(spin), np.cos(spin)]])
        u = rotated @ [np.cos(towards), np.sin(towards)]
        v = rotated @ [-np.sin(towards), np.cos(towards)]
        depth = 1 + u * np.sin(tilt) / focal
        u, v = u * np.cos(tilt) / depth, v / depth
        back = np.stack(
            [u * np.cos(towards) - v * np.sin(towards), u * np.sin(towards) + v * np.cos(towards)], 1
        )
        return (back + centre).astype(np.float32)

    return see


def _upright_mostly(rng: Generator) -> float | None:
    return None if rng.random() < 0.5 else float(rng.normal(0, 0.1) + rng.choice([0, 0, 0, np.pi / 2, np.pi]))


def _single(rng: Generator, height: int, width: int) -> list[Corners]:
    turn = _upright_mostly(rng)
    limit = min(width, height / RATIO) if turn is not None else min(width, height) / 1.25
    card = max(40.0, rng.uniform(0.25, 1.0) * limit)
    centre = np.array([width, height]) * rng.normal(0.5, 0.1, 2)
    return [placed(rng, card, card * RATIO, centre, (height, width), turn)]


def _scattered(rng: Generator, height: int, width: int) -> list[Corners]:
    card = max(40.0, rng.uniform(0.12, 0.35) * min(width, height))
    wanted, lying = int(rng.integers(2, 8)), list[Corners]()
    for _ in range(40):
        centre = rng.uniform(0.05, 0.95, 2) * [width, height]
        if all(np.linalg.norm(centre - each.mean(axis=0)) > card * 1.8 for each in lying):
            lying.append(placed(rng, card, card * RATIO, centre, (height, width)))
        if len(lying) == wanted:
            break
    return lying


def _grid(
    rng: Generator, height: int, width: int, shape: tuple[int, int], gap: tuple[float, float]
) -> list[Corners]:
    rows, columns = shape
    card = max(40.0, min(width / columns / 1.12, height / rows / RATIO / 1.1) * rng.uniform(0.6, 1.05))
    see = _camera(rng, (height, width), float(rng.normal(0, 0.08)))
    middle = np.array([width, height]) * rng.normal(0.5, 0.03, 2)
    outlines = []
    for row in range(rows):
        for column in range(columns):
            slip = rng.normal(0, 0.006, 2) * card
            at = np.array(
                [(column - (columns - 1) / 2) * (1 + gap[0]), (row - (rows - 1) / 2) * (RATIO + gap[1])]
            )
            outlines.append(see((_SQUARE * [1, RATIO] + at) * card + slip, middle))
    return outlines


def _touching(rng: Generator, height: int, width: int) -> list[Corners]:
    shape = (int(rng.integers(1, 3)), int(rng.integers(2, 5)))
    return _grid(rng, height, width, shape, (rng.uniform(0.0, 0.06), rng.uniform(0.0, 0.06)))


def _binder(rng: Generator, height: int, width: int) -> list[Corners]:
    shape = ((3, 3), (3, 3), (2, 2), (4, 3), (3, 6))[rng.integers(5)]
    pages = _grid(rng, height, width, shape, (rng.uniform(0.04, 0.2), rng.uniform(0.04, 0.2)))
    return [each for each in pages if rng.random() > 0.08]


def _collection(rng: Generator, height: int, width: int) -> list[Corners]:
    """A program's page of a collection, or a scan of a full page: straight rows, no perspective."""
    rows, columns = int(rng.integers(3, 7)), int(rng.integers(4, 10))
    card = min(width / columns, height / rows / RATIO) * rng.uniform(0.8, 0.97)
    gap_x, gap_y = rng.uniform(0.02, 0.25, 2)
    middle = np.array([width, height]) * rng.normal(0.5, 0.02, 2)
    return [
        (
            (
                _SQUARE * [1, RATIO]
                + [(column - (columns - 1) / 2) * (1 + gap_x), (row - (rows - 1) / 2) * (RATIO + gap_y)]
            )
            * card
            / (1 + max(gap_x, gap_y) * 0.7)
            + middle
        ).astype(np.float32)
        for row in range(rows)
        for column in range(columns)
        if rng.random() > 0.04
    ]


def _empty(rng: Generator, height: int, width: int) -> list[Corners]:
    del rng, height, width
    return []


LAYOUTS: dict[str, Callable[[Generator, int, int], list[Corners]]] = {
    "single": _single, "scattered": _scattered, "touching": _touching, "binder": _binder, "empty": _empty,
    "collection": _collection,
}  # fmt: skip
"""Corners of all cards of a frame, clockwise from their top left, by the kind of frame."""
