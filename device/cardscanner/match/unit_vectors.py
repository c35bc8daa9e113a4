"""Vectors checked on the way in: Annoy answers NaN and zero vectors with nonsense instead of an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from mmap import MADV_DONTNEED, mmap
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cardscanner.records import Vectors

Stored = NDArray[np.float16] | NDArray[np.float32]
"""(N, D) reference vectors as they lie in the file."""

LENGTH_TOLERANCE = 1e-3
"""float16 storage changes the length of a unit vector by at most 5e-4."""

_BLOCK_ROWS = 1024
_ROWS_KEPT = 1 << 16


Precision = Literal["float16", "float32"]
"""How vectors are stored; float16 moves a cosine by at most a few 1e-4 and halves the file."""


def joined(parts: Sequence[Stored], dtype: Precision) -> Stored:
    """Return parts as one array; vectors of that precision are copied bit by bit."""
    together: Stored = np.asarray(np.concatenate(parts), dtype=dtype)
    return together


def checked_units(vectors: Vectors, dim: int) -> Vectors:
    """Return ``vectors`` as contiguous (B, dim) float32.

    Raises
    ------
    ValueError
        Not (B, dim), not finite, or not of unit length.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise ValueError(f"vectors have shape {vectors.shape}; this index takes (B, {dim})")
    with np.errstate(over="ignore"):
        units = np.ascontiguousarray(vectors, dtype=np.float32)
    bad = bad_rows(units)
    if bad.size:
        length = float(np.linalg.norm(units[bad[0]].astype(np.float64)))
        raise ValueError(f"vector {bad[0]} is not a finite unit vector (its length is {length:g})")
    return units


def bad_rows(vectors: Stored) -> NDArray[np.int64]:
    """Return the rows that are not finite unit vectors."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(vectors.astype(np.float32, copy=False), axis=1)
        return np.flatnonzero(~(np.abs(lengths - 1.0) <= LENGTH_TOLERANCE))


def blocks(stored: Stored, rows: int = _BLOCK_ROWS) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (first row, float32 block) over memory-mapped vectors, in bounded memory."""
    for start in range(0, len(stored), rows):
        yield start, np.asarray(stored[start : start + rows], dtype=np.float32)
        if (start + rows) % _ROWS_KEPT == 0:
            let_go(stored)


def let_go(stored: Stored) -> None:
    """Drop the mapped pages that a scan has read: a million vectors would count as 1.5 GB of this process."""
    owner: object = stored
    while isinstance(owner, np.ndarray) and owner.base is not None:
        owner = owner.base
    if isinstance(owner, mmap) and not stored.flags.writeable:
        owner.madvise(MADV_DONTNEED)


def units_at(stored: Stored, rows: NDArray[np.int64]) -> Vectors:
    """Return some stored vectors in float32, their length made exactly 1 again."""
    picked = np.asarray(stored[rows], dtype=np.float32)
    return np.asarray(picked / np.linalg.norm(picked, axis=-1, keepdims=True), dtype=np.float32)
