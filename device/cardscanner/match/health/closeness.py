"""How close the references lie to one another, and captures to their own reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.match.artworks import Artworks
from cardscanner.match.exact import ExactIndex
from cardscanner.match.unit_vectors import Stored, units_at

_AT_ONCE = 256
_PAIRS = 100_000
NOBODY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """For each row the nearest reference of another card, and of another artwork.

    ``NOBODY`` where there is none.
    """

    card: NDArray[np.int64]
    card_cosine: NDArray[np.float32]
    artwork: NDArray[np.int64]
    artwork_cosine: NDArray[np.float32]


def nearest_others(
    stored: Stored, exact: ExactIndex, cards: NDArray[np.int64], artworks: Artworks
) -> Nearest:
    """Search every reference; ``cards`` and ``artworks`` are numbers of each row, (N,)."""
    rows = len(stored)
    depth = min(rows, int(np.bincount(artworks).max()) + 1)
    answer = Nearest(
        np.full(rows, NOBODY), np.zeros(rows, np.float32), np.full(rows, NOBODY), np.zeros(rows, np.float32)
    )
    for start in range(0, rows, _AT_ONCE):
        asked = np.arange(start, min(start + _AT_ONCE, rows))
        found, cosines = exact.nearest(units_at(stored, asked), depth)
        for numbers, others, near in (
            (cards, answer.card, answer.card_cosine),
            (artworks, answer.artwork, answer.artwork_cosine),
        ):
            strange = numbers[found] != numbers[asked][:, None]
            first, known = strange.argmax(axis=1), strange.any(axis=1)
            at = np.arange(len(asked))[known]
            others[asked[known]] = found[at, first[known]]
            near[asked[known]] = cosines[at, first[known]]
    return answer


def random_pairs(stored: Stored, artworks: Artworks, seed: int) -> NDArray[np.float32]:
    """Return the cosines of up to 100,000 random pairs of different artworks."""
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, len(stored), (2, _PAIRS))
    different = artworks[one] != artworks[other]
    one, other = one[different], other[different]
    parts = [
        (units_at(stored, one[at : at + 4096]) * units_at(stored, other[at : at + 4096])).sum(axis=1)
        for at in range(0, len(one), 4096)
    ]
    return np.concatenate([np.empty(0, np.float32), *parts])
