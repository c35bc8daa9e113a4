"""Recall of an index against exact search: measured when it is built, proved again whenever it is opened."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import IndexFault
from cardscanner.match.exact import ExactIndex
from cardscanner.match.unit_vectors import Stored, units_at
from cardscanner.ports import Index
from cardscanner.records import Vectors

PROBES = 100
MIN_RECALL = 0.99
EASY = (0.85, 0.95)
HARD = (0.55, 0.75)
"""Cosine of a query to its card: a good capture, and one behind glare and fingers."""

_REMEDY = (
    "remove index.search_k from the configuration if it stands there, build the database again, "
    "or set index.backend: exact"
)
_SEED = 20
_SAME = 1e-5
_HONEST = 2e-3
"""An index may report a cosine that is off by this much (float16 storage, float32 sums)."""


def self_test(index: Index, exact: ExactIndex, stored: Stored) -> None:
    """Search for 100 stored rows and for perturbed ones.

    Raises
    ------
    IndexFault
        A stored row does not find itself, or recall@1 of the perturbed ones is below 0.99.
    """
    rng = np.random.default_rng(_SEED)
    rows = rng.choice(len(stored), min(PROBES, len(stored)), replace=False)
    _, cosines = index.nearest(units_at(stored, rows), 1)
    if np.any(np.abs(cosines - 1.0) > _HONEST):
        lost = rows[int(np.argmax(np.abs(cosines[:, 0] - 1.0)))]
        raise IndexFault(f"the index does not find its own row {lost}: {_REMEDY}")
    queries = displaced(stored, rows, EASY, rng)
    _, truth = exact.nearest(queries, 1)
    recall, _ = recall_of(index, stored, queries, truth)
    if recall < MIN_RECALL:
        raise IndexFault(
            f"the index finds the nearest card for {recall:.1%} of {len(rows)} probes, at least "
            f"{MIN_RECALL:.0%} are needed: {_REMEDY}"
        )


def displaced(
    stored: Stored, rows: NDArray[np.int64], cosine: tuple[float, float], rng: np.random.Generator
) -> Vectors:
    """Return queries at a cosine within the range to ``rows``, half noise, half toward another card."""
    own = units_at(stored, rows)
    other = units_at(stored, rng.integers(0, len(stored), len(rows)))
    noise = rng.standard_normal(own.shape).astype(np.float32)
    away = _unit(_across(noise, own)) + _unit(_across(other, own))
    share = rng.uniform(*cosine, (len(rows), 1)).astype(np.float32)
    return _unit(share * own + np.sqrt(1.0 - share * share) * _unit(_across(away, own)))


def recall_of(
    index: Index, stored: Stored, queries: Vectors, truth: NDArray[np.float32]
) -> tuple[float, float]:
    """Return recall@1 and the recall of the top k, given the (B, k) cosines of an exact search.

    A row counts when its true cosine reaches that of the exact answer (so twins may stand for each other)
    and the index told the truth about it.
    """
    k = truth.shape[1]
    rows, told = index.nearest(queries, k)
    first, top = 0, 0
    for query, found, claimed, best in zip(queries, rows, told, truth, strict=True):
        true = units_at(stored, found) @ query
        honest = np.abs(true - claimed) <= _HONEST
        first += bool(honest[0] and true[0] >= best[0] - _SAME)
        top += len(set(found[honest & (true >= best[-1] - _SAME)].tolist()))
    return first / len(queries), top / (k * len(queries))


def _across(vectors: Vectors, own: Vectors) -> Vectors:
    """Return the parts of ``vectors`` at right angles to ``own``."""
    return np.asarray(vectors - (vectors * own).sum(axis=1, keepdims=True) * own, dtype=np.float32)


def _unit(vectors: Vectors) -> Vectors:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), dtype=np.float32)
