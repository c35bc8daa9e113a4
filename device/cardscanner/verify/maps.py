"""What is special about each reference: made once, when a database is built.

A print of a game shares frame, type setting and colours with hundreds of others; agreement there says
nothing. So each stored picture carries two maps of weights, both of them 1 less the agreement with other
references: with those of other artworks that look most like it, and with other prints of its own artwork.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from cardscanner.verify.blocks import FINE, SHARP, Grid, agreement, flattened, window
from cardscanner.verify.settle import settled
from cardscanner.verify.stored import Grey, Pictures, Values
from cardscanner.verify.view import view_of


def own_map(half: Grey, others: Sequence[Grey]) -> Values:
    """Return for each block of FINE how far a card differs from the nearest of ``others``, 0 to 1.

    All are stored pictures at half their size. A card that nothing resembles is its own everywhere.
    """
    agreed = [_same_place(half, other, FINE) for other in others]
    return np.asarray(1.0 - np.max([np.zeros(len(FINE.first_px)), *agreed], axis=0))


def print_map(row: int, twins: Sequence[int], pictures: Pictures) -> Values:
    """Return for each block of SHARP how far a print differs from the one that differs most there, 0 to 1.

    Scans are cut differently, so each twin is laid on the print first.
    """
    half, face = pictures.half(row), flattened(pictures.full(row))
    differs = np.zeros(len(SHARP.first_px))
    for twin in twins:
        view = view_of(pictures.full(twin))
        outline = settled(view, half)
        seen = flattened(view.cut(outline, 0, SHARP.reach_px))
        differs = np.maximum(differs, 1.0 - agreement(face, window(seen, SHARP)))
    return np.minimum(differs, 1.0)


def _same_place(one: Grey, other: Grey, grid: Grid) -> Values:
    rim = grid.reach_px
    wide = cv2.copyMakeBorder(other, rim, rim, rim, rim, cv2.BORDER_REPLICATE)
    return agreement(one, window(np.asarray(wide, dtype=np.uint8), grid))
