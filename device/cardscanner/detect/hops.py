"""Neighbouring readings of a quad: each side moved to the next parallel edge outside or inside.

A card shows several frames inside each other: sleeve, card edge, printed border, art. A quad found first may
take one of its sides from another frame than the rest.
"""

from __future__ import annotations

import numpy as np

from cardscanner.detect.evidence import OFFSETS
from cardscanner.detect.field import Floats
from cardscanner.detect.profiles import Sides
from cardscanner.detect.refine import moved_quads

_CLEAR_OF = 0.018
"""Nearest parallel edge that is told apart, in widths."""


def hopped_quads(corners: Floats, profile: Floats) -> Floats:
    """Return (9 N, 4, 2): per quad, each side moved outward, each inward, and all four outward."""
    sides = Sides.of(corners)
    outer, inner = OFFSETS > _CLEAR_OF, OFFSETS < -_CLEAR_OF
    out = OFFSETS[outer][profile[:, :, outer].argmax(axis=2)]
    into = OFFSETS[inner][profile[:, :, inner].argmax(axis=2)]
    moves = np.zeros((len(corners), 9, 4), dtype=np.float32)
    for side in range(4):
        moves[:, side, side] = out[:, side]
        moves[:, 4 + side, side] = into[:, side]
    moves[:, 8] = out
    many = Sides.of(np.repeat(sides.corners, 9, axis=0))
    shift = moves.reshape(-1, 4) * (np.repeat(sides.width, 9) / many.width)[:, None]
    return moved_quads(many, shift, shift)
