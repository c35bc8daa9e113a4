"""A base and what was changed since it was built, seen as one: its cards, and its index.

Rows of added cards follow the rows of the base. Removed rows stay in the base's files and are passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cardscanner.match.card_store import CardStore, StoredCard
from cardscanner.match.exact import Answer, ExactIndex
from cardscanner.ports import Index
from cardscanner.records import Card, Vectors

_SPARE = 16
"""Neighbours asked for beyond ``k`` in the first attempt, in case some of them were removed."""


class LayeredCards:
    """The card tables of base and delta."""

    def __init__(self, base: CardStore, delta: CardStore, base_rows: int) -> None:
        self._base = base
        self._delta = delta
        self._base_rows = base_rows
        self.removed = np.zeros(base_rows, dtype=np.bool_)
        for rows in delta.removed():
            self.removed[rows.start : rows.stop] = True

    def card_of(self, row: int) -> Card:
        """Return the card of an index row; :class:`IndexError` when there is none or it was removed."""
        if row >= self._base_rows:
            return self._delta.card_of(row)
        if self.removed[row]:
            raise IndexError(f"row {row} was removed")
        return self._base.card_of(row)

    def rows_of(self, card_id: str) -> range:
        """Return the index rows of a card; empty when it is not there."""
        added = self._delta.rows_of(card_id)
        if len(added):
            return added
        before = self._base.rows_of(card_id)
        return range(0) if len(before) and self.removed[before.start] else before

    def row_of(self, card_id: str) -> int | None:
        """Return the first index row of a card, or ``None``."""
        rows = self.rows_of(card_id)
        return rows.start if len(rows) else None

    def stored(self) -> Iterator[StoredCard]:
        """Yield the cards that count, in the order of the rows."""
        yield from (each for each in self._base.stored() if not self.removed[each.first_row])
        yield from self._delta.stored()

    def first_rows(self) -> list[int]:
        """Return the first row of every card, ascending."""
        kept = [row for row in self._base.first_rows() if not self.removed[row]]
        return kept + self._delta.first_rows()

    def artworks(self) -> Counter[int]:
        """Return how many cards carry each artwork."""
        gone = Counter(
            self._base.card_of(row).artwork for row in self._base.first_rows() if self.removed[row]
        )
        return (self._base.artworks() - gone) + self._delta.artworks()

    def artwork_rows(self) -> Counter[int]:
        """Return how many rows carry each artwork at most; removed ones are counted still."""
        return self._base.artwork_rows() + self._delta.artwork_rows()

    def close(self) -> None:
        """Close both files; safe to call twice."""
        self._base.close()
        self._delta.close()


class LayeredIndex:
    """Searches the base and, exactly, what was added; merges both by cosine."""

    def __init__(
        self, base: Index, added: ExactIndex | None, removed: NDArray[np.bool_], base_rows: int
    ) -> None:
        self.dim = base.dim
        self.size = base_rows - int(removed.sum()) + (added.size if added else 0)
        self._base = base
        self._added = added
        self._removed = removed
        self._removed_rows = int(removed.sum())
        self._base_rows = base_rows

    def nearest(self, vectors: Vectors, k: int, effort: float = 1.0) -> Answer:
        """Return rows and cosines, (B, min(k, size)), best first."""
        rows, cosines = self._base_nearest(vectors, k, effort)
        if self._added is not None:
            more_rows, more_cosines = self._added.nearest(vectors, k)
            rows = np.hstack([rows, more_rows + self._base_rows])
            cosines = np.hstack([cosines, more_cosines])
        order = np.lexsort((rows, -cosines), axis=1)[:, : min(k, self.size)]
        return np.take_along_axis(rows, order, 1), np.take_along_axis(cosines, order, 1)

    def close(self) -> None:
        """Close the base's index; safe to call twice."""
        self._base.close()

    def _base_nearest(self, vectors: Vectors, k: int, effort: float) -> Answer:
        """Return at most k rows of the base that count; what lacks is filled with cosine -inf."""
        wanted = min(k, self._base_rows - self._removed_rows)
        spare = min(self._removed_rows, _SPARE)
        while True:
            rows, cosines = self._base.nearest(vectors, max(wanted + spare, 1), effort)
            live = ~self._removed[rows]
            if spare >= self._removed_rows or bool((live.sum(axis=1) >= wanted).all()):
                break
            spare = min(4 * spare, self._removed_rows)
        cosines = np.where(live, cosines, np.float32(-np.inf))
        order = np.argsort(~live, axis=1, kind="stable")[:, :wanted]
        return np.take_along_axis(rows, order, 1), np.take_along_axis(cosines, order, 1)
