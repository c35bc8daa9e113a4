"""``cards.sqlite``: what is known about each card, looked up by index row or by id.

Cards stay on disk until asked for; a Pi need not hold the descriptions of a whole catalogue. The rows of one
card (several views are allowed) follow one another, so its first row is all that has to be stored.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cardscanner.errors import ArtifactError
from cardscanner.records import Card

CARDS_FILE = "cards.sqlite"

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE cards (
    first_row INTEGER PRIMARY KEY,
    card_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    artwork INTEGER NOT NULL,
    image TEXT NOT NULL,
    metadata TEXT NOT NULL
)
"""
_CACHED_CARDS = 4096


@dataclass(frozen=True, slots=True)
class StoredCard:
    """One line of the table: a card, its first index row, and its picture as the source named it."""

    first_row: int
    card: Card
    image: str


class CardStore:
    """Read-only look-ups; safe from any thread, one at a time."""

    def __init__(self, connection: sqlite3.Connection, rows: int) -> None:
        self._connection = connection
        self._rows = rows
        self._cached_card = lru_cache(maxsize=_CACHED_CARDS)(self._read_card)

    def card_of(self, row: int) -> Card:
        """Return the card of an index row; :class:`IndexError` when there is no such row."""
        return self._cached_card(int(row))

    def row_of(self, card_id: str) -> int | None:
        """Return the first index row of a card, or ``None`` when the database does not have it."""
        found = self._ask("SELECT first_row FROM cards WHERE card_id = ?", card_id)
        return int(found[0][0]) if found else None

    def prints(self) -> list[int]:
        """Return for each artwork how many cards carry it."""
        return [int(count) for (count,) in self._ask("SELECT COUNT(*) FROM cards GROUP BY artwork")]

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
    if version != _SCHEMA_VERSION:
        connection.close()
        raise ArtifactError(
            f"{path} has schema {version}, this program reads {_SCHEMA_VERSION}: build it again"
        )
    return CardStore(connection, rows)


def write_cards(path: Path, cards: Iterable[StoredCard]) -> None:
    """Write a new file; the same cards give the same bytes."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        connection.execute(_SCHEMA)
        connection.executemany("INSERT INTO cards VALUES (?, ?, ?, ?, ?, ?)", map(_line, cards))
        connection.commit()
    finally:
        connection.close()


def _line(stored: StoredCard) -> tuple[int, str, str, int, str, str]:
    card = stored.card
    metadata = json.dumps(dict(card.metadata), ensure_ascii=False)
    return stored.first_row, card.card_id, card.name, card.artwork, stored.image, metadata
