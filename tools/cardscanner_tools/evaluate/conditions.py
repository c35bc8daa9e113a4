"""The conditions under which rendered cards are captured: named, seeded, one cause at a time."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import InputError
from cardscanner.records import Picture
from cardscanner_tools.evaluate.readings import Crops
from cardscanner_tools.evaluate.stresses import cover
from cardscanner_tools.scene.capture import CLEAN, USUAL, CaptureStyle, capture, level


@dataclass(frozen=True, slots=True)
class Condition:
    """How a card is seen."""

    name: str
    style: CaptureStyle
    covered: float = 0.0
    """Share of the card's face under a block."""


_PLAIN = replace(USUAL, glare=0.0, occlusion=0.0)
_LEVELS = (1.0, 1.8, 2.4)

CLEAN_VIEW = Condition("clean", CLEAN)
USUAL_VIEW = Condition("usual", USUAL)
CORNERS = tuple(
    Condition(f"corners {error:.0%}", replace(_PLAIN, corner_error=error)) for error in (0.03, 0.06, 0.1)
)
OCCLUDED = Condition("20 % occluded", _PLAIN, covered=0.2)
GLARE = Condition("glare", replace(_PLAIN, glare=1.0))
LEVELS = tuple(Condition(f"level {s}", level(s, glare=False, occlusion=False)) for s in _LEVELS)
HARD_LEVELS = tuple(
    Condition(f"level {s} + glare + occlusion", level(s, glare=True, occlusion=True)) for s in _LEVELS
)
HARDEST = HARD_LEVELS[-1]
CONDITIONS = (CLEAN_VIEW, USUAL_VIEW, *CORNERS, OCCLUDED, GLARE, *LEVELS, *HARD_LEVELS)


_ATTEMPTS = 20
_LEAST_RANGE = 24


def shows_anything(view: Picture) -> bool:
    """Whether a view is neither black nor white all over: 5 % to 95 % of its grey span 24 of 256 levels.

    The harder levels draw exposures that no camera would leave standing (3 to 5 % of the views at level
    2.4). Nobody can know a card from them, so they are drawn again, for everyone.
    """
    grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
    low, high = np.quantile(grey, [0.05, 0.95])
    return bool(high - low >= _LEAST_RANGE)


def captures(faces: Sequence[Picture] | NDArray[np.uint8], condition: Condition, seed: int) -> Crops:
    """Return one view of each face; each has a generator of its own, so its number and name decide it."""

    def crop(number: int, height: int, width: int) -> Picture:
        if height != width:
            raise InputError(f"rendered views are square; the model takes {width} x {height} pixels")
        for attempt in range(_ATTEMPTS):
            rng = np.random.default_rng([seed, zlib.crc32(condition.name.encode()), number, attempt])
            face = np.asarray(faces[number])
            if condition.covered:
                face = cover(rng, face, condition.covered)
            view = capture(rng, face, condition.style, height)
            if shows_anything(view):
                break
        return view

    return Crops(f"views-{condition.name}-{seed}", len(faces), crop)
