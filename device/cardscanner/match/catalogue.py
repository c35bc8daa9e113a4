"""Catalogue: the cards of a database for people, by name, set or number, with their small pictures.

The files with vectors are not touched: they are the large ones, and scanning has them open already.
"""

from __future__ import annotations

import sqlite3
import threading
import unicodedata
from contextlib import ExitStack
from pathlib import Path

from cardscanner.errors import ArtifactError
from cardscanner.manifest import DatabaseManifest, load_database_manifest
from cardscanner.match.card_store import CARDS_FILE, CardStore, StoredCard, open_cards
from cardscanner.match.layered import LayeredCards
from cardscanner.match.replacement import located
from cardscanner.records import Card
from cardscanner.verify.layered import LayeredPictures
from cardscanner.verify.stored import PICTURES_FILE, Pictures, open_pictures

_SEARCHED = ("set", "set_name", "set_code", "number", "lang", "rarity")
"""Columns of the card table that people look for, beside name and id."""
_TABLE = "CREATE TABLE found (name TEXT NOT NULL, words TEXT NOT NULL, card INTEGER NOT NULL)"
_RANKED = """
SELECT card FROM found WHERE {terms}
ORDER BY CASE WHEN instr(words, char(10) || ?1 || char(10)) THEN 0
    WHEN instr(name, ?1) = 1 THEN 1 WHEN instr(name, ' ' || ?1) THEN 2 WHEN instr(name, ?1) THEN 3 ELSE 4
    END, length(name), name, card LIMIT ?2
"""
MOST_TERMS = 8


class Catalogue:
    """Safe from any thread; one at a time is served."""

    def __init__(
        self, manifest: DatabaseManifest, cards: CardStore | LayeredCards, pictures: Pictures | None
    ) -> None:
        self.manifest = manifest
        self._cards = cards
        self._pictures = pictures
        self._lock = threading.Lock()
        self._words: sqlite3.Connection | None = None

    def search(self, query: str, limit: int) -> list[Card]:
        """Return cards that have every word of the query in name, id, set or number, best first.

        Letters are compared without accents and case, parts of words too. The first search writes the words
        of all cards into a temporary file that ends with the catalogue.
        """
        terms = folded(query).split()[:MOST_TERMS]
        if not terms:
            return []
        where = " AND ".join(f"instr(words, ?{number})" for number in range(3, len(terms) + 3))
        with self._lock:
            if self._words is None:
                self._words = self._written_words()
            found = self._words.execute(
                _RANKED.format(terms=where), (" ".join(terms), limit, *terms)
            ).fetchall()
            return [self._cards.card_of(row) for (row,) in found]

    def card(self, card_id: str) -> Card | None:
        """Return a card by its id, or ``None``."""
        with self._lock:
            row = self._cards.row_of(card_id)
            return None if row is None else self._cards.card_of(row)

    def picture(self, card_id: str) -> bytes | None:
        """Return the card's reference picture as a small grey JPEG, or ``None`` when there is none."""
        with self._lock:
            row = self._cards.row_of(card_id)
            if row is None or self._pictures is None:
                return None
            return self._pictures.entry(row).data

    def close(self) -> None:
        """Close all files; safe to call twice."""
        with self._lock:
            self._cards.close()
            if self._pictures is not None:
                self._pictures.close()
            if self._words is not None:
                self._words.close()
                self._words = None

    def _written_words(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            "", check_same_thread=False
        )  # a temporary file, memory while it is small
        connection.execute(_TABLE)
        connection.executemany("INSERT INTO found VALUES (?, ?, ?)", map(_line, self._cards.stored()))
        return connection


def open_catalogue(folder: Path) -> Catalogue:
    """Open the cards and pictures of a database folder; their files are hashed first.

    Raises
    ------
    ArtifactError
        The folder is no finished database, or a file is missing or damaged.
    """
    manifest = load_database_manifest(folder)
    try:
        return _open(folder, manifest)
    except ArtifactError:
        # A build may have put a new version in place since the manifest was read.
        if (newer := load_database_manifest(folder)) == manifest:
            raise
        return _open(folder, newer)


def folded(text: str) -> str:
    """Return text as it is compared: without case, accents of Latin letters, and doubled spaces."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(letter for letter in plain if not "\u0300" <= letter <= "\u036f")
    return " ".join(unicodedata.normalize("NFKC", kept).split())


def _line(stored: StoredCard) -> tuple[str, str, int]:
    card = stored.card
    words = [card.name, card.card_id, *(card.metadata.get(key, "") for key in _SEARCHED)]
    return folded(card.name), "\n".join(["", *(folded(str(each)) for each in words), ""]), stored.first_row


def _open(folder: Path, manifest: DatabaseManifest) -> Catalogue:
    delta = manifest.delta
    with ExitStack() as opened:
        base = open_cards(located(folder, manifest, CARDS_FILE), manifest.rows)
        opened.callback(base.close)
        cards: CardStore | LayeredCards = base
        pictures: Pictures | None = None
        if PICTURES_FILE in manifest.files:
            pictures = open_pictures(located(folder, manifest, PICTURES_FILE), manifest.rows)
            opened.callback(pictures.close)
        if delta is not None:
            changes = open_cards(located(folder, manifest, delta.cards), manifest.rows + delta.rows)
            opened.callback(changes.close)
            cards = LayeredCards(base, changes, manifest.rows)
            if pictures is not None and delta.pictures is not None:
                added = open_pictures(located(folder, manifest, delta.pictures), delta.rows)
                opened.callback(added.close)
                pictures = LayeredPictures(pictures, added)
        opened.pop_all()
    return Catalogue(manifest, cards, pictures)
