"""Perceptual hashes: the untrained yardstick that an embedding has to beat.

The low frequencies of the discrete cosine transform of the grey picture, one bit each: above the median
or not (the "pHash" family; n x n bits from a 4n x 4n picture).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.records import Batch


def phash(crops: Batch, side: int) -> NDArray[np.float32]:
    """Return (B, side * side) unit vectors of +-1: a dot product is 1 - 2 * (share of differing bits)."""
    bits = [_bits(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), side) for crop in crops]
    return np.stack(bits) if bits else np.zeros((0, side * side), np.float32)


def _bits(grey: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    small = cv2.resize(grey, (side * 4, side * 4), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:side, :side].ravel()
    return np.asarray(np.where(low > np.median(low), 1.0, -1.0).astype(np.float32) / side, np.float32)
