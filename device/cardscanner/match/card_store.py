"""``cards.sqlite``: what is known about each card, looked up by index row or by id.

Cards stay on disk until asked for; a Pi need not hold the descriptions of a whole catalogue. The rows of one
card (several views are allowed) follow one another, so its first row is all that has to be stored.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from cardscanner.errors import ArtifactError
from cardscanner.records import Card

CARDS_FILE = "cards.sqlite"

_SCHEMA_VERSION = 2
_WITHOUT_VIEWS = 1
"""Files of this version hold one picture of each card."""
_SCHEMA = """
CREATE TABLE cards (
    first_row INTEGER PRIMARY KEY,
    card_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    artwork INTEGER NOT NULL,
    image TEXT NOT NULL,
    metadata TEXT NOT NULL
);
CREATE TABLE views (row INTEGER PRIMARY KEY, image TEXT NOT NULL);
CREATE TABLE removed (first_row INTEGER PRIMARY KEY, rows INTEGER NOT NULL);
CREATE VIEW prints AS SELECT
    card_id, name, artwork, image, first_row,
    json_extract(metadata, '$.set') AS "set",
    json_extract(metadata, '$.number') AS number,
    json_extract(metadata, '$.lang') AS language,
    json_extract(metadata, '$.rarity') AS rarity,
    json_extract(metadata, '$.finish') AS finish,
    json_extract(metadata, '$.art_group') AS art_group
FROM cards;
"""
"""``views`` has the rows of further views of a card; ``removed``, used by changes, rows of the base that no
longer count; ``prints`` is for people who look at the file with SQL."""
_CACHED_CARDS = 4096


@dataclass(frozen=True, slots=True)
class StoredCard:
    """One line of the table: a card, its first index row, and its picture as the source named it."""

    first_row: int
    card: Card
    image: str
    more_images: tuple[str, ...] = ()
    """Further views, one for each following row."""

    @property
    def rows(self) -> range:
        """Index rows of the card, one for each view."""
        return range(self.first_row, self.first_row + 1 + len(self.more_images))


class CardStore:
    """Read-only look-ups; safe from any thread, one at a time."""

    def __init__(self, connection: sqlite3.Connection, rows: int, *, has_views: bool = True) -> None:
        self._connection = connection
        self._rows = rows
        self._has_views = has_views
        self._cached_card = lru_cache(maxsize=_CACHED_CARDS)(self._read_card)

    def card_of(self, row: int) -> Card:
        """Return the card of an index row; :class:`IndexError` when there is no such row."""
        return self._cached_card(int(row))

    def row_of(self, card_id: str) -> int | None:
        """Return the first index row of a card, or ``None`` when the database does not have it."""
        found = self._ask("SELECT first_row FROM cards WHERE card_id = ?", card_id)
        return int(found[0][0]) if found else None

    def rows_of(self, card_id: str) -> range:
        """Return the index rows of a card, one for each view; empty when the table does not have it."""
        found = self._ask(
            "SELECT first_row, (SELECT MIN(first_row) FROM cards AS next WHERE next.first_row > "
            "cards.first_row) FROM cards WHERE card_id = ?",
            card_id,
        )
        return range(found[0][0], found[0][1] or self._rows) if found else range(0)

    def artworks(self) -> Counter[int]:
        """Return how many cards carry each artwork."""
        return Counter(dict(self._ask("SELECT artwork, COUNT(*) FROM cards GROUP BY artwork")))

    def artwork_rows(self) -> Counter[int]:
        """Return how many rows, one for each view of a card, carry each artwork."""
        found = self.artworks()
        if self._has_views:
            more = self._ask(
                "SELECT artwork, COUNT(*) FROM views JOIN cards ON cards.first_row = "
                "(SELECT MAX(first_row) FROM cards WHERE first_row < views.row) GROUP BY artwork"
            )
            found.update(dict(more))
        return found

    def stored(self) -> Iterator[StoredCard]:
        """Yield every card in the order of the rows, with its pictures."""
        views: dict[int, str] = dict(self._ask("SELECT row, image FROM views")) if self._has_views else {}
        found = self._ask("SELECT * FROM cards ORDER BY first_row")
        for first, card_id, name, artwork, image, metadata in found:
            more = tuple(takewhile(bool, (views.get(row, "") for row in count(first + 1))))
            yield StoredCard(first, Card(card_id, name, artwork, json.loads(metadata)), image, more)

    def removed(self) -> list[range]:
        """Return the rows of the base that a change took away."""
        if not self._has_views:
            return []
        return [range(first, first + rows) for first, rows in self._ask("SELECT * FROM removed ORDER BY 1")]

    def first_rows(self) -> list[int]:
        """Return the first row of every card, ascending."""
        return [int(row) for (row,) in self._ask("SELECT first_row FROM cards ORDER BY first_row")]

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._connection.close()

    def _read_card(self, row: int) -> Card:
        if not 0 <= row < self._rows:
            raise IndexError(f"row {row}: this database has {self._rows} rows")
        [(card_id, name, artwork, metadata)] = self._ask(
            "SELECT card_id, name, artwork, metadata FROM cards WHERE first_row <= ? "
            "ORDER BY first_row DESC LIMIT 1",
            row,
        )
        return Card(card_id, name, artwork, json.loads(metadata))

    def _ask(self, question: str, *values: str | int) -> list[Any]:
        try:
            return self._connection.execute(question, values).fetchall()
        except sqlite3.Error as error:
            raise ArtifactError(f"the card table cannot be read: {error}; verify the database") from error


def open_cards(path: Path, rows: int) -> CardStore:
    """Open a file *that was verified against the manifest*; ``rows`` is the number of index rows.

    Raises
    ------
    ArtifactError
        It is no card table of this version.
    """
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise ArtifactError(f"{path} cannot be opened as a card table: {error}; build it again") from error
    if version not in {_SCHEMA_VERSION, _WITHOUT_VIEWS}:
        connection.close()
        raise ArtifactError(
            f"{path} has schema {version}, this program reads {_SCHEMA_VERSION}: build it again"
        )
    return CardStore(connection, rows, has_views=version != _WITHOUT_VIEWS)


def write_cards(path: Path, cards: Iterable[StoredCard], removed: Iterable[range] = ()) -> None:
    """Write a new file; the same cards give the same bytes. What the disk refuses is an :class:`OSError`."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        connection.executescript(_SCHEMA)
        for stored in cards:
            connection.execute("INSERT INTO cards VALUES (?, ?, ?, ?, ?, ?)", _line(stored))
            connection.executemany(
                "INSERT INTO views VALUES (?, ?)", zip(stored.rows[1:], stored.more_images, strict=True)
            )
        gone = ((each.start, len(each)) for each in removed)
        connection.executemany("INSERT INTO removed VALUES (?, ?)", gone)
        connection.commit()
    except sqlite3.Error as error:  # a full disk, mostly
        raise OSError(f"{path.name}: {error}") from error
    finally:
        connection.close()


def _line(stored: StoredCard) -> tuple[int, str, str, int, str, str]:
    card = stored.card
    metadata = json.dumps(dict(card.metadata), ensure_ascii=False)
    return stored.first_row, card.card_id, card.name, card.artwork, stored.image, metadata
