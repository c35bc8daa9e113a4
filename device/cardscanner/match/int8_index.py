"""All rows scanned as int8, the best few compared again in float: exact search at a quarter of the memory.

The codes are derived from the verified vectors when the database is opened (a second for 100,000 rows), so no
file of their own can be damaged or stale. NumKong has the kernels: SDOT on a Pi, VNNI on a PC.
"""

from __future__ import annotations

import numkong
import numpy as np
from numpy.typing import NDArray

from cardscanner.match.exact import Answer
from cardscanner.match.quantise import Codes, Quantiser, fit_quantiser
from cardscanner.match.rerank import rerank, shortlist
from cardscanner.match.unit_vectors import Stored, blocks, checked_units
from cardscanner.records import Vectors

_SCORES_AT_ONCE = 1 << 22


class Int8Index:
    """Scans the codes of all rows; reads the stored vectors of the shortlist."""

    def __init__(self, stored: Stored, quantiser: Quantiser, codes: Codes) -> None:
        self.size, self.dim = stored.shape
        self._stored = stored
        self._quantiser = quantiser
        self._codes = codes

    def nearest(self, vectors: Vectors, k: int, effort: float = 1.0) -> Answer:  # noqa: ARG002 - never less
        """Return rows and cosines, (B, min(k, size)), best first, equal ones in the order of their rows."""
        if k < 1:
            raise ValueError(f"k is {k}; at least one neighbour must be asked for")
        queries = checked_units(vectors, self.dim)
        wanted = min(k, self.size)
        rows = np.empty((len(queries), wanted), dtype=np.int64)
        cosines = np.empty((len(queries), wanted), dtype=np.float32)
        at_once = max(1, _SCORES_AT_ONCE // self.size)
        for start in range(0, len(queries), at_once):
            several = queries[start : start + at_once]
            for number, scores in enumerate(self._scores(several), start):
                few = shortlist(scores, wanted, self._quantiser.slack)
                rows[number], cosines[number] = rerank(self._stored, queries[number], few, wanted)
        return rows, cosines

    def close(self) -> None:
        """Nothing is held here but memory."""

    def _scores(self, queries: Vectors) -> NDArray[np.float64]:
        """Return the products of (B, D) queries with all rows, (B, N); whole numbers, without rounding."""
        # Not `dots_packed`: with one or two queries, and a cache that a network just emptied, it is slower.
        return np.asarray(numkong.cdist(self._quantiser.codes(queries), self._codes, metric="dot"))


def int8_index(stored: Stored) -> Int8Index:
    """Quantise (N, D) unit vectors."""
    quantiser = fit_quantiser(stored)
    codes = np.empty(stored.shape, dtype=np.int8)
    for start, block in blocks(stored):
        codes[start : start + len(block)] = quantiser.codes(block)
    return Int8Index(stored, quantiser, codes)
