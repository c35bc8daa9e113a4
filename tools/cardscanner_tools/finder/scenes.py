"""Drawn camera frames with known card outlines: what the card finder's score is fitted to.

Tables, cloth, prints and clutter; single cards, scattered, touching and binder pages; sleeves, shadows,
fingers, glare, weak contrast, tilt. The cards are invented by the renderer or handed in (free faces).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from cardscanner.records import Corners, Picture
from cardscanner_tools.finder.grounds import lay_clutter, lay_ground
from cardscanner_tools.finder.laying import lay_card, lay_sheet, lay_stand
from cardscanner_tools.finder.layouts import LAYOUTS
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.scene import effects

KINDS = ("single", "single", "single", "scattered", "touching", "binder", "empty")
"""Kinds of frames, as often as they stand here."""

_SIZES = ((1280, 720), (960, 720), (720, 960), (800, 600), (640, 480), (480, 640), (348, 348), (310, 430))


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One drawn frame."""

    picture: Picture
    outlines: tuple[Corners, ...]
    """Corners of every card that is visible to at least three quarters, clockwise from its top left."""
    kind: str


def draw_scene(
    rng: Generator,
    faces: Sequence[Picture] = (),
    grounds: Sequence[Picture] = (),
    kinds: Sequence[str] = KINDS,
) -> Scene:
    """Draw one frame; ``faces`` are card faces and ``grounds`` photographs to use besides the drawn ones."""
    width, height = _SIZES[rng.integers(len(_SIZES))]
    view = lay_ground(rng, height, width, grounds)
    for _ in range(int(rng.choice([0, 0, 1, 2, 4]))):
        lay_clutter(rng, view)
    kind = str(rng.choice(kinds))
    outlines = LAYOUTS[kind](rng, height, width)
    own = [effects.foil(rng, face, 1.0) if rng.random() < 0.3 else face for face in _hand(rng, faces)]
    sleeved = rng.random() < 0.35
    if kind == "binder":
        lay_sheet(rng, view, outlines)
    for number, outline in enumerate(outlines):
        lay_card(rng, view, own[number % len(own)], outline, sleeved=sleeved)
    if outlines and rng.random() < 0.15:
        lay_stand(rng, view, outlines[0])
    visible = tuple(each for each in outlines if _visible_share(each, height, width) >= 0.75)
    return Scene(_photograph(rng, view), visible, kind)


def _hand(rng: Generator, faces: Sequence[Picture]) -> list[Picture]:
    """The faces of one frame: cards of one set share their frame design, as real ones do."""
    if len(faces) and rng.random() < 0.4:
        return [faces[int(rng.integers(len(faces)))] for _ in range(4)]
    specs = catalogue(4, seed=int(rng.integers(2**31)))
    return [render_card(spec, 360) for spec in specs]


def _visible_share(outline: Corners, height: int, width: int) -> float:
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    shared = cv2.intersectConvexConvex(outline.astype(np.float32), frame)[0]
    return float(shared / max(1.0, cv2.contourArea(outline.astype(np.float32))))


def _photograph(rng: Generator, view: Picture) -> Picture:
    if rng.random() < 0.3:
        view = effects.shadow(rng, view, 1.0)
    view = effects.light(rng, view, rng.uniform(0.3, 1.5))
    if rng.random() < 0.2:  # weak contrast
        view = (view * rng.uniform(0.2, 0.6) + rng.uniform(0, 60)).clip(0, 255).astype(np.uint8)
    view = effects.blur(rng, view, abs(rng.normal(0, 0.8)) * min(view.shape[:2]) / 700)
    if rng.random() < 0.7:
        view = effects.sensor(rng, view, rng.uniform(0.2, 1.2))
    if rng.random() < 0.6:
        view = effects.compress(view, int(rng.integers(30, 95)))
    return np.ascontiguousarray(view)
