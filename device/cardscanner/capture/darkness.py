"""Telling a camera that shows nothing from one that shows an empty table."""

from __future__ import annotations

import cv2
import numpy as np

from cardscanner.records import Picture

BLACK_AFTER_S = 1.5
"""For so long nothing but black: shorter than that is a hand over the lens."""

WHY_BLACK = (
    "the picture is black, no card could be seen in it: take the cover off the lens, switch on the light, "
    "check the exposure (camera.controls)"
)

_LOOK_EVERY_NS = 250_000_000
_BLOCKS = (32, 18)
_MEAN, _SPREAD = 8.0, 8.0
"""Of 255, over averaged blocks, so that a dark sensor's noise does not count as something seen."""


def is_black(pixels: Picture) -> bool:
    """Tell whether a picture is so dark and so even that no card could be seen in it."""
    blocks = cv2.resize(pixels, _BLOCKS, interpolation=cv2.INTER_AREA)
    return bool(blocks.mean() < _MEAN and int(np.max(blocks)) - int(np.min(blocks)) < _SPREAD)


class BlackWatch:
    """Looks at a few frames a second. Owned by the capture thread."""

    def __init__(self) -> None:
        self._next_ns = 0
        self._black_since_ns: int | None = None

    def see(self, pixels: Picture, captured_ns: int) -> bool:
        """Take the next frame; return whether everything has been black for some time."""
        if captured_ns >= self._next_ns:
            self._next_ns = captured_ns + _LOOK_EVERY_NS
            if not is_black(pixels):
                self._black_since_ns = None
            elif self._black_since_ns is None:
                self._black_since_ns = captured_ns
        since_ns = self._black_since_ns
        return since_ns is not None and captured_ns - since_ns >= BLACK_AFTER_S * 1e9
