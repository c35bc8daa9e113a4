"""How many candidates Annoy must look at: found by measuring, once for each database."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardscanner.errors import IndexFault
from cardscanner.match.annoy_index import AnnoyIndex
from cardscanner.match.depth import LAST_RANK
from cardscanner.match.exact import ExactIndex
from cardscanner.match.selftest import HARD, displaced, recall_of
from cardscanner.match.unit_vectors import Stored

RECALL_1 = 0.999
RECALL_TOP = 0.99
TOP = LAST_RANK
"""The accept rule compares the best with ranks 2 to 11, so all eleven have to be the true ones."""

_QUERIES = 1000
_FIRST = 1000


@dataclass(frozen=True, slots=True)
class Effort:
    """A ``search_k`` and what it reached on hard queries."""

    search_k: int
    recall_1: float
    recall_top: float
    queries: int


def choose_effort(index: AnnoyIndex, exact: ExactIndex, stored: Stored, trees: int, seed: int) -> Effort:
    """Double ``search_k`` until recall is enough; at ``size * trees`` Annoy looks at every row.

    Raises
    ------
    IndexFault
        Even looking at every row is not enough: the index file does not hold these vectors.
    """
    rng = np.random.default_rng(seed)
    rows = rng.choice(index.size, min(_QUERIES, index.size), replace=False)
    queries = displaced(stored, rows, HARD, rng)
    _, truth = exact.nearest(queries, TOP)
    everything = index.size * trees
    search_k = min(_FIRST, everything)
    while True:
        recall_1, recall_top = recall_of(index.searching(search_k), stored, queries, truth)
        if recall_1 >= RECALL_1 and recall_top >= RECALL_TOP:
            return Effort(search_k, recall_1, recall_top, len(queries))
        if search_k == everything:
            raise IndexFault(
                f"looking at every row, the new index reaches recall@1 {recall_1:.4f} and top-{TOP} recall "
                f"{recall_top:.4f}: the installed annoy package does not work here; set index.backend: exact"
            )
        search_k = min(2 * search_k, everything)
