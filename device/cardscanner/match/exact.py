"""Exact search: every reference is compared. The oracle of the other backends, and a backend itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import ArtifactError
from cardscanner.match.unit_vectors import Stored, bad_rows, blocks, checked_units
from cardscanner.records import Vectors

_QUERIES_AT_ONCE = 512

Answer = tuple[NDArray[np.int64], NDArray[np.float32]]


class ExactIndex:
    """Cosines by BLAS in float32, block by block over the stored vectors."""

    def __init__(self, stored: Stored, inverse_lengths: NDArray[np.float32]) -> None:
        self.size, self.dim = stored.shape
        self._stored = stored
        self._inverse_lengths = inverse_lengths

    def nearest(self, vectors: Vectors, k: int, effort: float = 1.0) -> Answer:  # noqa: ARG002 - never less
        """Return rows and cosines, (B, min(k, size)), best first, equal ones in the order of their rows."""
        if k < 1:
            raise ValueError(f"k is {k}; at least one neighbour must be asked for")
        queries = checked_units(vectors, self.dim)
        answers = [
            self._scan(queries[start : start + _QUERIES_AT_ONCE], min(k, self.size))
            for start in range(0, max(1, len(queries)), _QUERIES_AT_ONCE)
        ]
        rows, cosines = zip(*answers, strict=True)
        return np.concatenate(rows), np.concatenate(cosines)

    def close(self) -> None:
        """Nothing is held here: the database owns the mapped file."""

    def _scan(self, queries: Vectors, k: int) -> Answer:
        rows = np.empty((len(queries), 0), dtype=np.int64)
        cosines = np.empty((len(queries), 0), dtype=np.float32)
        for start, block in blocks(self._stored):
            scores = queries @ block.T
            scores *= self._inverse_lengths[start : start + len(block)]
            here = np.broadcast_to(np.arange(start, start + len(block)), scores.shape)
            rows, cosines = _best(np.hstack([rows, here]), np.hstack([cosines, scores]), k)
        order = np.lexsort((rows, -cosines), axis=1)
        return np.take_along_axis(rows, order, 1), np.take_along_axis(cosines, order, 1)


def exact_index(stored: Stored) -> ExactIndex:
    """Open exact search over (N, D) vectors; :class:`ArtifactError` when one is not a unit vector."""
    lengths = np.empty(len(stored), dtype=np.float32)
    for start, block in blocks(stored):
        if (bad := bad_rows(block)).size:
            raise ArtifactError(f"reference vector {start + bad[0]} is not a finite unit vector: build again")
        lengths[start : start + len(block)] = np.linalg.norm(block, axis=1)
    return ExactIndex(stored, 1.0 / lengths)


def _best(rows: NDArray[np.int64], cosines: NDArray[np.float32], k: int) -> Answer:
    if rows.shape[1] <= k:
        return rows, cosines
    keep = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    return np.take_along_axis(rows, keep, 1), np.take_along_axis(cosines, keep, 1)
