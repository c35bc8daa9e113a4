"""Whether a frame shows what an earlier one showed, so that its outlines need not be sought again."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.records import Picture, Quad

_BLOCK_PX = 8
_MOST_CHANGE = 8
"""Levels by which the mean of any block of pixels may differ: above noise and flicker, below motion."""
_SURE = 0.85
"""Confidence from which an outline is worth keeping; an unsure one may be read better in the next frame."""
_REUSES = 3
"""Frames in a row that go without a search."""


class Stillness:
    """Remembers the outlines of the last searched frame. Owned by one thread."""

    def __init__(self) -> None:
        self._blocks: NDArray[np.uint8] | None = None
        self._quads: list[Quad] = []
        self._left = 0

    def recall(self, picture: Picture) -> list[Quad] | None:
        """Return the outlines of the searched frame if they hold for this one too; ``None``: search."""
        if self._left == 0 or self._blocks is None:
            return None
        blocks = _blocks(picture)
        if blocks.shape != self._blocks.shape or cv2.absdiff(blocks, self._blocks).max() > _MOST_CHANGE:
            return None
        self._left -= 1
        return self._quads

    def remember(self, picture: Picture, quads: list[Quad]) -> None:
        """Keep what was found in a searched frame, if all of it is sure."""
        keep = bool(quads) and all(quad.confidence >= _SURE and not quad.others for quad in quads)
        self._left = _REUSES if keep else 0
        self._quads = quads
        self._blocks = _blocks(picture) if keep else None


def _blocks(picture: Picture) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    size = (max(1, width // _BLOCK_PX), max(1, height // _BLOCK_PX))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
