"""Tables seen from above with rendered cards on them, and where each card lies."""

from __future__ import annotations

from functools import cache

import numpy as np

from cardscanner.records import Corners, Picture, Quad
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.scene import surfaces
from cardscanner_tools.scene.stage import Pose, card_thing, lay

SURFACES = {each.__name__: each for each in (surfaces.wood, surfaces.cloth, surfaces.speckle, surfaces.paint)}


@cache
def card_face(number: int) -> Picture:
    """A rendered card, 480 pixels high."""
    return render_card(catalogue(24, seed=5)[number], 480)


def empty_table(surface: str = "cloth", seed: int = 1, size: tuple[int, int] = (720, 1280)) -> Picture:
    """A surface in the light of one lamp, as the product's own film draws it."""
    return np.ascontiguousarray(SURFACES[surface](np.random.default_rng(seed), *size))


def plain_table(level: int = 120, size: tuple[int, int] = (720, 1280)) -> Picture:
    """One colour."""
    return np.full((*size, 3), level, np.uint8)


def lay_cards(view: Picture, *poses: Pose, first: int = 0) -> list[Corners]:
    """Lay a card at each pose, in place; return their corners, top left of the upright card first."""
    things = [card_thing(card_face(first + number), pose) for number, pose in enumerate(poses)]
    for thing in things:
        lay(view, thing)
    return [thing.corners for thing in things]


def corner_error(quad: Quad, truth: Corners) -> float:
    """Largest corner distance in card widths; which short side is the top is not told by the finder."""
    width = np.linalg.norm(truth[1] - truth[0])
    ways = (truth, np.roll(truth, 2, axis=0))
    return float(min(np.linalg.norm(quad.corners - way, axis=1).max() for way in ways) / width)


def page(
    rows: int, columns: int, height_px: float, centre: tuple[float, float], turn: float = 0.0
) -> list[Pose]:
    """Poses of a binder page."""
    step_x, step_y = height_px * 63 / 88 * 1.09, height_px * 1.07
    poses = []
    for row in range(rows):
        for column in range(columns):
            x, y = (column - (columns - 1) / 2) * step_x, (row - (rows - 1) / 2) * step_y
            at = (x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn))
            poses.append(Pose(centre[0] + at[0], centre[1] + at[1], height_px, turn))
    return poses
