"""Rows of a card table, wherever they come from: checked one by one, views of one card put together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cardscanner.errors import InputError

_OWN = {"card_id", "file", "name", "view"}
_OTHER_NAMES = {"language": "lang"}
_MISTAKES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Reference:
    """One card and one reference picture of it; it becomes one row of the database.

    A card with several views is several references that follow one another.
    """

    card_id: str
    name: str
    path: Path
    image: str
    """The picture as the source names it."""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def art_group(self) -> str:
        """Label that prints with one picture share; empty when nothing is known."""
        return self.metadata.get("art_group", "")


class CardRows:
    """Takes the rows of one table and remembers what is wrong with them; pictures lie below ``folder``."""

    def __init__(self, table: Path, folder: Path) -> None:
        self._table = table
        self._folder = folder
        self._views: dict[str, list[Reference]] = {}
        self._seen: dict[tuple[str, str], str] = {}
        self._mistakes: list[str] = []

    def add(self, row: Mapping[str, str], place: str) -> None:
        """Take a row; ``place`` is where it stands, e.g. ``line 7``.

        ``card_id`` and ``file`` are needed, ``name`` is the card's name, ``view`` tells several pictures of
        one card apart, everything else is metadata.
        """
        row = {key: value.strip() for key, value in row.items()}
        if mistake := self._mistake(row):
            self.refuse(mistake, place)
            return
        card_id, file = row["card_id"], row["file"]
        self._seen[card_id, row.get("view", "")] = place
        views = self._views.setdefault(card_id, [])
        metadata = {_OTHER_NAMES.get(key, key): value for key, value in row.items() if key and value}
        metadata = {key: value for key, value in metadata.items() if key not in _OWN}
        if views:  # what is said with the first picture of a card holds for all of them
            metadata = dict(views[0].metadata)
        name = views[0].name if views else row.get("name") or card_id
        views.append(Reference(card_id, name, self._folder / file, file, metadata))

    def refuse(self, mistake: str, place: str) -> None:
        """Note a row that cannot be used."""
        self._mistakes.append(f"{self._table}, {place}: {mistake}")

    def references(self) -> list[Reference]:
        """Return all references, views of one card together; :class:`InputError` with every mistake."""
        refuse_all(self._mistakes)
        if not self._views:
            raise InputError(f"{self._table}: the table names no cards")
        return [each for views in self._views.values() for each in views]

    def _mistake(self, row: Mapping[str, str]) -> str | None:
        card_id, file = row.get("card_id"), row.get("file")
        if not card_id:
            return "card_id is empty"
        if before := self._seen.get((card_id, row.get("view", ""))):
            return (
                f"card_id {card_id} stands already in {before}; a further view of the card needs a word of "
                "its own in the column view"
            )
        if not file:
            return "file is empty"
        if not is_file(self._folder / file):
            return f"there is no file {self._folder / file}"
        return None


def with_views(references: Sequence[Reference], views: Sequence[Reference]) -> list[Reference]:
    """Put further views behind those of their cards; views of other cards are left out."""
    cards: dict[str, list[Reference]] = {}
    for each in references:
        cards.setdefault(each.card_id, []).append(each)
    for each in views:
        if each.card_id in cards:
            first = cards[each.card_id][0]
            cards[each.card_id].append(replace(each, name=first.name, metadata=first.metadata))
    return [each for card in cards.values() for each in card]


def is_file(path: Path) -> bool:
    """Return whether a file lies there; a name that cannot be one is none."""
    try:
        return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises for names that are too long
    except ValueError:
        return False


def refuse_all(mistakes: Sequence[str]) -> None:
    """Raise :class:`InputError` with the first mistakes, if there are any."""
    if mistakes:
        more = len(mistakes) - _MISTAKES_SHOWN
        tail = [f"... and {more} more"] if more > 0 else []
        raise InputError("\n".join([*mistakes[:_MISTAKES_SHOWN], *tail]))
