"""Margins of many captures at once, computed with the very rule that the box applies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.accept import artwork_margin
from cardscanner.manifest import AcceptRule
from cardscanner.match.artworks import Artworks
from cardscanner.match.depth import neighbours_needed
from cardscanner.match.exact import ExactIndex
from cardscanner.match.gallery import Captured, Gallery
from cardscanner.records import Candidate, Card, Vectors

NOBODY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """(B,) margins and the artworks that they speak for; :data:`NOBODY` in an empty gallery."""

    margins: NDArray[np.float64]
    artworks: Artworks


def scores_of(
    exact: ExactIndex,
    artworks: Artworks,
    ways_up: Sequence[Vectors],
    rule: AcceptRule,
    hidden: Artworks | None = None,
) -> Scores:
    """Score captures, each embedded in one or both ways up, of which the one with the best cosine counts.

    ``hidden`` names for each capture an artwork that the gallery must not know.
    """
    margins, best = [], []
    for _, prints in better_ways(exact, artworks, ways_up, hidden):
        margins.append(artwork_margin(prints, rule) if prints else -1.0)
        best.append(prints[0].card.artwork if prints else NOBODY)
    return Scores(np.array(margins), np.array(best, dtype=np.int64))


def better_ways(
    exact: ExactIndex, artworks: Artworks, ways_up: Sequence[Vectors], hidden: Artworks | None = None
) -> Iterator[tuple[int, list[Candidate]]]:
    """Give for each capture the number of the way up with the best cosine, and the nearest cards."""
    depth = _depth(artworks)
    deeper = depth if hidden is None else depth + int(np.bincount(artworks).max())
    searched = [exact.nearest(vectors, deeper) for vectors in ways_up]
    for number in range(len(ways_up[0])):
        absent = NOBODY if hidden is None else int(hidden[number])
        prints = [
            _candidates(rows[number], near[number], artworks, absent)[:depth] for rows, near in searched
        ]
        yield max(enumerate(prints), key=lambda each: each[1][0].score if each[1] else -1.0)


def print_leads(
    gallery: Gallery, artworks: Artworks, captured: Captured
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return, for captures whose artwork was found, the lead over the next print and whether it was right."""
    leads, right = [], []
    rows, cosines = gallery.exact.nearest(captured.upright, _depth(artworks))
    for card, found, near in zip(captured.cards, rows, cosines, strict=True):
        if artworks[found[0]] != artworks[card]:
            continue
        owners = gallery.owner_of(found)
        others = near[1:][(artworks[found[1:]] == artworks[card]) & (owners[1:] != owners[0])]
        # With no other print among the neighbours, the lead is at least the one over the last of them.
        leads.append(float(near[0] - (others[0] if len(others) else near[-1])))
        right.append(bool(owners[0] == gallery.owner_of(card)))
    return np.array(leads, dtype=np.float64), np.array(right, dtype=np.bool_)


def _candidates(
    rows: NDArray[np.int64], cosines: NDArray[np.float32], artworks: Artworks, hidden: int
) -> list[Candidate]:
    return [
        Candidate(Card(str(row), "", int(artworks[row])), float(cosine), int(row))
        for row, cosine in zip(rows, cosines, strict=True)
        if artworks[row] != hidden
    ]


def _depth(artworks: Artworks) -> int:
    return neighbours_needed(np.bincount(artworks).tolist())
