"""How many neighbours to ask for, so that they hold the artworks that the accept rule compares."""

from __future__ import annotations

from collections.abc import Iterable

LAST_RANK = 11
"""The accept rule looks at the best 11 artworks."""

_MOST = 256
"""A bound on the work for each capture; beyond it the margin is taken over the artworks there are."""


def neighbours_needed(prints: Iterable[int], last_rank: int = LAST_RANK) -> int:
    """Return the depth that surely holds ``last_rank`` artworks, given how many prints each artwork has.

    In the worst case the prints of the largest artworks all come first.
    """
    largest = sorted(prints, reverse=True)[: last_rank - 1]
    return min(sum(largest) + 1, _MOST)
