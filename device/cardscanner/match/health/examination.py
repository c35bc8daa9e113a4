"""Examining a finished database: captures, neighbours, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardscanner.match.captures import CAPTURE
from cardscanner.match.database import Database
from cardscanner.match.exact import exact_index
from cardscanner.match.gallery import Gallery, capture_cards
from cardscanner.match.health.closeness import Nearest, nearest_others, random_pairs
from cardscanner.match.health.doubtful import Doubtful, doubtful_pictures
from cardscanner.match.progress import Progress
from cardscanner.match.unit_vectors import units_at
from cardscanner.ports import Embedder
from cardscanner.records import Card

SEED = 77
_CAPTURES = 400
_QUANTILES = (0.001, 0.01, 0.05, 0.5, 0.95, 0.99, 0.999)


@dataclass(frozen=True, slots=True, eq=False)
class Health:
    """What was found; rows are those of the index."""

    same: NDArray[np.float32]
    """Cosines of simulated captures with the reference of their own card."""
    random: NDArray[np.float32]
    """Cosines of random pairs of different artworks."""
    nearest: Nearest
    groups: list[list[int]]
    """Rows of artworks that several cards carry, the largest first."""
    doubtful: list[Doubtful]


def cards_of(database: Database) -> list[Card]:
    """Return the card of every row."""
    cards: list[Card] = []
    for start, end in pairwise([*database.first_rows(), database.manifest.rows]):
        cards += [database.card_of(start)] * (end - start)
    return cards


def examine(
    database: Database,
    cards: Sequence[Card],
    pictures: Sequence[Path],
    embedder: Embedder,
    progress: Progress,
) -> Health:
    """Look at every picture, simulate captures of some, and search for every reference."""
    artworks = np.array([each.artwork for each in cards], dtype=np.int64)
    numbers = np.unique([each.card_id for each in cards], return_inverse=True)[1].astype(np.int64)
    exact = exact_index(database.vectors)
    with progress.counting(len(pictures), "looking at the reference pictures") as one_more:
        doubtful = doubtful_pictures(pictures, one_more)
    unreadable = {row for each in doubtful if each.kind == "unreadable" for row in each.rows}
    readable = np.setdiff1d(np.arange(len(cards)), np.array(sorted(unreadable), dtype=np.int64))
    picked = np.random.default_rng(SEED).permutation(readable)[:_CAPTURES]
    gallery = Gallery(list(pictures), database.vectors, exact)
    with progress.counting(len(picked), "comparing captures with their references") as one_more:
        seen = capture_cards(gallery, picked, CAPTURE, embedder, SEED, one_more)
    return Health(
        same=(units_at(database.vectors, picked) * seen.upright).sum(axis=1),
        random=random_pairs(database.vectors, artworks, SEED),
        nearest=nearest_others(database.vectors, exact, numbers, artworks),
        groups=_groups(numbers, artworks),
        doubtful=doubtful,
    )


def _groups(numbers: NDArray[np.int64], artworks: NDArray[np.int64]) -> list[list[int]]:
    first = np.unique(numbers, return_index=True)[1]
    members: dict[int, list[int]] = {}
    for row in sorted(int(each) for each in first):
        members.setdefault(int(artworks[row]), []).append(row)
    return sorted((each for each in members.values() if len(each) > 1), key=len, reverse=True)


def quantiles(values: NDArray[np.float32]) -> dict[str, float]:
    """Return what is shown of a distribution; nothing of an empty one."""
    if not len(values):
        return {}
    found = {f"p{100 * share:g}": float(np.quantile(values, share)) for share in _QUANTILES}
    return {name: round(value, 4) for name, value in found.items()}
