"""How many scans there are, kept up to date without asking the disk for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cardscanner.history.entry import Counts, Entry


class Tally:
    """Counts of one session, or of everything."""

    def __init__(self, rows: Iterable[tuple[str | None, bool, int]]) -> None:
        self._scans = self._undone = 0
        self._cards: Counter[str] = Counter()
        for card_id, undone, count in rows:
            self._take(card_id, count, undone=undone)

    def add(self, entry: Entry) -> None:
        """Count one more."""
        self._take(entry.card_id, 1, undone=entry.undone)

    def change(self, before: Entry, after: Entry) -> None:
        """Count an entry as it is now instead of as it was."""
        self._take(before.card_id, -1, undone=before.undone)
        self._take(after.card_id, 1, undone=after.undone)

    def counts(self) -> Counts:
        """Return what was counted."""
        return Counts(
            self._scans, self._cards.total(), self._undone, sum(each > 0 for each in self._cards.values())
        )

    def _take(self, card_id: str | None, count: int, *, undone: bool) -> None:
        self._scans += count
        if undone:
            self._undone += count
        elif card_id is not None:
            self._cards[card_id] += count
