"""Nearest references of many queries, and what follows from them: hits, margins, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.accept import artwork_margin, judge
from cardscanner.manifest import AcceptRule
from cardscanner.records import Candidate, Card, Neighbour, Vectors, Verdict

DEPTH = 64
"""Neighbours kept; enough for the 11 artworks of the accept rule beside large reprint families."""
_AT_ONCE = 256
_ANY_RULE = AcceptRule(threshold=0.0, print_gap=0.0)

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """(B, K) rows of the gallery and their similarity, best first."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]

    def hits(self, right: Sequence[set[int]] | Sequence[frozenset[int]], rank: int) -> NDArray[np.bool_]:
        """Whether one of the right rows is among the first ``rank``."""
        return np.array(
            [not rows.isdisjoint(each[:rank].tolist()) for rows, each in zip(right, self.rows, strict=True)],
            dtype=bool,
        )

    def label_hits(self, labels: Labels, wanted: Labels, rank: int) -> NDArray[np.bool_]:
        """Whether one of the first ``rank`` carries the wanted label."""
        return np.asarray((labels[self.rows[:, :rank]] == wanted[:, None]).any(axis=1))

    def margins(self, artworks: Labels) -> NDArray[np.float64]:
        """Return the product's margin of every query: best artwork less the mean of ranks 2 to 11."""
        return np.array(
            [
                artwork_margin(
                    [
                        Candidate(Card("", "", int(artworks[row])), float(s))
                        for row, s in zip(*each, strict=True)
                    ],
                    _ANY_RULE,
                )
                for each in zip(self.rows, self.scores, strict=True)
            ],
            dtype=np.float64,
        )

    def nearest_other(self, artworks: Labels, own: Labels) -> NDArray[np.float32]:
        """Return the similarity of the nearest reference of another artwork; NaN where none was kept."""
        other = artworks[self.rows] != own[:, None]
        first = other.argmax(axis=1)
        values = np.take_along_axis(self.scores, first[:, None], 1)[:, 0]
        return np.where(other.any(axis=1), values, np.nan)

    def verdicts(self, cards: Sequence[Card], rule: AcceptRule) -> list[Verdict]:
        """Return what the product says to each query."""
        return [
            judge(
                [Neighbour(int(row), float(s)) for row, s in zip(rows, scores, strict=True)],
                lambda row: cards[row],
                rule,
            )
            for rows, scores in zip(self.rows, self.scores, strict=True)
        ]


def rank(ways: Sequence[Vectors], gallery: Vectors, depth: int = DEPTH) -> Ranking:
    """Search exactly; of several ways up (or around) of a query, the one closest to a reference counts."""
    parts = [
        _rank_some([way[start : start + _AT_ONCE] for way in ways], gallery, min(depth, len(gallery)))
        for start in range(0, len(ways[0]), _AT_ONCE)
    ]
    if not parts:
        return Ranking(np.empty((0, 1), np.int64), np.empty((0, 1), np.float32))
    rows, scores = zip(*parts, strict=True)
    return Ranking(np.concatenate(rows), np.concatenate(scores))


def similarities(queries: Vectors, own: Vectors) -> NDArray[np.float64]:
    """Return the similarity of each query with the vector in its own row."""
    return np.asarray((queries.astype(np.float64) * own).sum(axis=1))


def _rank_some(
    ways: Sequence[Vectors], gallery: Vectors, depth: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    found = [way @ gallery.T for way in ways]
    best = np.argmax([each.max(axis=1) for each in found], axis=0)
    chosen = np.stack(found)[best, np.arange(len(best))]
    rows = np.argpartition(-chosen, depth - 1, axis=1)[:, :depth]
    scores = np.take_along_axis(chosen, rows, 1)
    order = np.lexsort((rows, -scores), axis=1)
    return np.take_along_axis(rows, order, 1).astype(np.int64), np.take_along_axis(scores, order, 1)
