"""The memory that the daemon and the accelerator process share: a few crops, and their vectors.

It has one owner at a time: the daemon from an answer to its next "embed", the accelerator process from that
"embed" to its answer.
"""

from __future__ import annotations

import mmap

import numpy as np

from cardscanner.ports import ModelInfo

CROPS_AT_ONCE = 8
"""A frame's usual cards both ways up in one go; more of them go one batch after the other."""


class CropMemory:
    """``crops`` (8, H, W, 3) uint8 and ``vectors`` (8, D) float32 in one piece of memory."""

    def __init__(self, memory: mmap.mmap, info: ModelInfo) -> None:
        shape = (CROPS_AT_ONCE, info.height, info.width, 3)
        self.crops = np.ndarray(shape, np.uint8, buffer=memory, offset=_vector_bytes(info))
        self.vectors = np.ndarray((CROPS_AT_ONCE, info.dim), np.float32, buffer=memory)


def crop_memory_bytes(info: ModelInfo) -> int:
    """Return how much memory that takes."""
    return _vector_bytes(info) + CROPS_AT_ONCE * info.height * info.width * 3


def _vector_bytes(info: ModelInfo) -> int:
    return CROPS_AT_ONCE * info.dim * np.dtype(np.float32).itemsize
