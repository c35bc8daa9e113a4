"""A picture and its halves, made when they are asked for."""

from __future__ import annotations

import cv2
import numpy as np

from cardscanner.records import Picture


class Pyramid:
    """Level 0 is the picture itself, each further level a plain mean of 2 x 2 of the one before."""

    def __init__(self, picture: Picture) -> None:
        self._levels = [picture]

    @property
    def picture(self) -> Picture:
        """The picture itself."""
        return self._levels[0]

    def level(self, number: int) -> Picture:
        """Return level ``number``, or the last one that still has two rows and columns."""
        while len(self._levels) <= number:
            height, width = self._levels[-1].shape[:2]
            if min(height, width) < 4:
                break
            even = self._levels[-1][: height // 2 * 2, : width // 2 * 2]
            half = cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            self._levels.append(np.asarray(half, dtype=np.uint8))
        return self._levels[min(number, len(self._levels) - 1)]

    def reduced(self, side_px: int) -> tuple[Picture, float]:
        """Return the picture with its longer side at most ``side_px``, and the scale.

        Halving and one bilinear step below a factor of two: area resampling by an odd factor would cost
        more than all the rest of the gradient field.
        """
        height, width = self.picture.shape[:2]
        scale = side_px / max(height, width)
        if scale >= 1.0:
            return self.picture, 1.0
        source = self.level(int(np.floor(np.log2(1 / scale) + 1e-9)))
        target = (max(1, round(width * scale)), max(1, round(height * scale)))
        return np.asarray(cv2.resize(source, target, interpolation=cv2.INTER_LINEAR), dtype=np.uint8), scale
