"""The two edges of every embedder: the crops that come in and the vectors that go out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import EmbedderFailed
from cardscanner.ports import ModelInfo
from cardscanner.records import Batch, Vectors

_SHORTEST = 1e-12
"""A row shorter than this has no direction."""


def check_crops(crops: Batch, info: ModelInfo) -> None:
    """Refuse anything but (B, H, W, 3) uint8 with a :class:`ValueError`, before the backend sees it."""
    expected = (info.height, info.width, 3)
    if crops.ndim == 4 and crops.shape[1:] == expected and crops.dtype == np.uint8:
        return
    raise ValueError(
        f"crops must be (B, {', '.join(map(str, expected))}) uint8 RGB, not {crops.shape} {crops.dtype}"
    )


def no_rows(info: ModelInfo) -> Vectors:
    """Return the answer to an empty batch."""
    return np.empty((0, info.dim), dtype=np.float32)


def unit_rows(values: NDArray[np.float32]) -> Vectors:
    """Scale the rows of a (B, D) array to unit length.

    Raises
    ------
    EmbedderFailed
        A row has a value that is not finite, or no direction at all.
    """
    lengths = np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > _SHORTEST)))
    if bad.size:
        raise EmbedderFailed(
            f"the network gave no usable vector for crop {bad[0]} of {len(values)} "
            "(not finite, or all zeros): nothing is known about these crops; "
            "if it happens with every picture, the model file is a bad export"
        )
    return np.asarray(values / lengths, dtype=np.float32)
