"""Settling an outline on a reference: coarse, then to a fraction of a pixel."""

from __future__ import annotations

import cv2
import numpy as np

from cardscanner.verify.align import moved_outline
from cardscanner.verify.blocks import COARSE, MIDDLE, Grid, block_statistics, surfaces
from cardscanner.verify.stored import Grey, Values
from cardscanner.verify.view import UNIT, Points, View

_HALF_WORTH = 20.0
"""Grey levels of contrast at which a block is worth half of the best one."""


def settled(view: View, half: Grey, outline: Points = UNIT) -> Points:
    """Return where a card lies whose reference, at half its size, is ``half``."""
    quarter = np.asarray(
        cv2.resize(half, (COARSE.width, COARSE.height), interpolation=cv2.INTER_AREA), np.uint8
    )
    return _moved(view, half, _moved(view, quarter, outline, COARSE, level=2), MIDDLE, level=1)


def worth(picture: Grey, grid: Grid) -> Values:
    """Return what each block says by its contrast, (N,), 0 to 1."""
    contrast = block_statistics(picture, grid)[1]
    return np.asarray(contrast / (contrast + _HALF_WORTH))


def _moved(view: View, reference: Grey, outline: Points, grid: Grid, level: int) -> Points:
    found = surfaces(reference, view.cut(outline, level, grid.reach_px), grid)
    return moved_outline(outline, found, worth(reference, grid), grid)
