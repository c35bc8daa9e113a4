"""How much of an index must be looked at, and how long that takes: measured, once for each database."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import IndexFault
from cardscanner.match.depth import LAST_RANK
from cardscanner.match.exact import ExactIndex
from cardscanner.match.selftest import HARD, displaced, recall_of
from cardscanner.match.unit_vectors import Stored
from cardscanner.ports import Index
from cardscanner.records import Vectors

RECALL_1 = 0.999
RECALL_TOP = 0.99
TOP = LAST_RANK
"""The accept rule compares the best with ranks 2 to 11, so all eleven have to be the true ones."""

_QUERIES = 1000
_COMPARED = 300_000_000
"""Cosines worth computing for the truth; of a million vectors 300 queries are left."""

_TIMED = 50
_ROUNDS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Hard queries, and the cosines that an exact search finds for them."""

    stored: Stored
    queries: Vectors
    truth: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work an index is given (``search_k``, lists) and what it then reaches on hard queries."""

    work: int
    recall_1: float
    recall_top: float
    queries: int

    @property
    def enough(self) -> bool:
        """Whether the recall is what every index has to reach."""
        return self.recall_1 >= RECALL_1 and self.recall_top >= RECALL_TOP

    @property
    def measured(self) -> dict[str, float | int]:
        """As it stands in a manifest."""
        return {
            "hard_queries": self.queries,
            "recall_1": round(self.recall_1, 5),
            f"recall_{TOP}": round(self.recall_top, 5),
        }


class Adjustable(Protocol):
    """An index that can be searched with more work or less."""

    def searching(self, work: int) -> Index:
        """Return an index over the same file with another effort."""


def hard_trial(stored: Stored, exact: ExactIndex, seed: int) -> Trial:
    """Draw hard queries; the same seed, the same queries."""
    rng = np.random.default_rng(seed)
    count = min(_QUERIES, max(1, _COMPARED // len(stored)), len(stored))
    rows = rng.choice(len(stored), count, replace=False)
    queries = displaced(stored, rows, HARD, rng)
    return Trial(stored, queries, exact.nearest(queries, TOP)[1])


def choose_effort(index: Adjustable, trial: Trial, first: int, most: int) -> Effort:
    """Double the work until recall is enough; with ``most`` the index looks at every row.

    Raises
    ------
    IndexFault
        Even looking at every row is not enough: the index file does not hold these vectors.
    """
    work = min(first, most)
    while True:
        effort = recall_with(index.searching(work), trial, work)
        if effort.enough:
            return effort
        if work == most:
            raise IndexFault(
                f"looking at every row, the new index reaches recall@1 {effort.recall_1:.4f} and top-{TOP} "
                f"recall {effort.recall_top:.4f}: its package does not work here; set index.backend: exact"
            )
        work = min(2 * work, most)


def recall_with(index: Index, trial: Trial, work: int = 0) -> Effort:
    """Return what an index reaches as it is."""
    recall_1, recall_top = recall_of(index, trial.stored, trial.queries, trial.truth)
    return Effort(work, recall_1, recall_top, len(trial.queries))


def time_of_one_ms(index: Index, trial: Trial) -> float:
    """Return the median CPU time of one search, of the quietest of three rounds.

    CPU time, so that a build beside other work chooses as one on an idle machine does.
    """
    queries = trial.queries[:_TIMED]
    return min(float(np.median(_times_ms(index, queries))) for _ in range(_ROUNDS))


def _times_ms(index: Index, queries: Vectors) -> list[float]:
    times = []
    for query in queries:
        start = time.thread_time()
        index.nearest(query[None], TOP)
        times.append((time.thread_time() - start) * 1000)
    return times
