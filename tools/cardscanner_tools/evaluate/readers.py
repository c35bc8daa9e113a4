"""Everything that turns crops into vectors whose dot product says how alike they are.

The model is one reader; its int8 twin, its teacher and the untrained baselines are others. All see the very
same crops, and all are searched by the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cardscanner.match.embedding import embed_crops
from cardscanner.ports import Embedder
from cardscanner.records import Batch, Picture, Vectors

PIXELS = (24, 32)
"""Width and height of the thumbnail."""
DCT_SIDE, DCT_KEPT = 64, 16
HASH_SIDES = (8, 16, 32)


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """A way to compare crops."""

    name: str
    key: str
    """What stored readings are filed under: another key, other readings."""
    height: int
    width: int
    read: Callable[[Batch], Vectors]
    """Crops (B, H, W, 3) to unit vectors (B, D)."""


def model_reader(name: str, embedder: Embedder) -> Reader:
    """Read with an embedder."""
    info = embedder.info
    return Reader(
        name,
        f"model-{info.sha256[:16]}",
        info.height,
        info.width,
        lambda crops: embed_crops(list(crops), embedder),
    )


def untrained_readers(height: int, width: int) -> list[Reader]:
    """Return the baselines: correlation of pixels, DCT signs, and pHash by the package ``imagehash``."""
    readers = [
        Reader("pixels 24x32", f"pixels-{height}x{width}", height, width, _each(thumbnail)),
        Reader("DCT signs 64 px", f"dct-{height}x{width}", height, width, _each(dct_signs)),
    ]
    for side in HASH_SIDES:
        name, key = f"pHash {side * side}", f"phash{side * side}-{height}x{width}"
        readers.append(Reader(name, key, height, width, _each(_phash_of(side))))
    return readers


def thumbnail(crop: Picture) -> NDArray[np.float32]:
    """Return 24 x 32 colour pixels without their mean: dot products are correlations."""
    small = cv2.resize(crop, PIXELS, interpolation=cv2.INTER_AREA).astype(np.float32)
    return _unit((small - small.mean()).ravel())


def dct_signs(crop: Picture) -> NDArray[np.float32]:
    """Return the signs of the 16 x 16 lowest frequencies of the grey picture at 64 pixels, less the mean."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (DCT_SIDE, DCT_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:DCT_KEPT, :DCT_KEPT].ravel()[1:]
    return _unit(np.where(low > 0, 1.0, -1.0))


def _phash_of(side: int) -> Callable[[Picture], NDArray[np.float32]]:
    def phash(crop: Picture) -> NDArray[np.float32]:
        bits = imagehash.phash(Image.fromarray(crop), hash_size=side).hash
        return _unit(np.where(bits.ravel(), 1.0, -1.0))

    return phash


def _each(read: Callable[[Picture], NDArray[np.float32]]) -> Callable[[Batch], Vectors]:
    return lambda crops: np.stack([read(crop) for crop in crops])


def _unit(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6), np.float32)
