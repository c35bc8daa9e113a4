"""The reference database: a folder of vectors, an index, a card table, and the manifest that seals them.

``manifest.json``  ``vectors.npy`` (N, D)  ``index.ann``  ``cards.sqlite``  ``pictures.bin``, and after a
change ``delta-1.npy``  ``delta-1.sqlite``  ``delta-1.bin``: what was added to and removed from these (see
:mod:`change`).

Databases of older builds have no pictures; they work, without a second look at candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import ArtifactError
from cardscanner.manifest import DatabaseManifest, load_database_manifest
from cardscanner.match.card_store import CARDS_FILE, CardStore, StoredCard, open_cards
from cardscanner.match.depth import neighbours_needed
from cardscanner.match.layered import LayeredCards
from cardscanner.match.replacement import located
from cardscanner.match.unit_vectors import Stored
from cardscanner.records import Card
from cardscanner.verify.layered import LayeredPictures
from cardscanner.verify.stored import PICTURES_FILE, Pictures, open_pictures

VECTORS_FILE = "vectors.npy"


class Database:
    """Reference vectors, mapped, and the cards behind their rows."""

    def __init__(
        self,
        folder: Path,
        manifest: DatabaseManifest,
        vectors: Stored,
        cards: CardStore | LayeredCards,
        added: Stored | None = None,
        pictures: Pictures | None = None,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.vectors = vectors
        """(N, D) of the base: what ``index.ann`` holds."""
        self.added = added
        """(M, D) of cards added since; their rows follow those of the base. ``None``: never changed."""
        self.pictures = pictures
        """Small pictures of the references; ``None`` when the database was built without."""
        self._cards = cards
        depth = neighbours_needed(cards.artwork_rows().values(), manifest.accept.last_rank)
        self.depth = min(depth, manifest.live_rows)
        """Neighbours to ask the index for, so that they hold the artworks that the accept rule compares."""

    def card_of(self, row: int) -> Card:
        """Return the card of an index row; :class:`IndexError` when there is no such row."""
        return self._cards.card_of(row)

    def row_of(self, card_id: str) -> int | None:
        """Return the first index row of a card, or ``None`` when the database does not have it."""
        return self._cards.row_of(card_id)

    def rows_of(self, card_id: str) -> range:
        """Return the index rows of a card, one for each view; empty when the database does not have it."""
        return self._cards.rows_of(card_id)

    def first_rows(self) -> list[int]:
        """Return the first row of every card, ascending."""
        return self._cards.first_rows()

    def stored_cards(self) -> Iterator[StoredCard]:
        """Yield every card with its rows and pictures, in the order of the rows."""
        return self._cards.stored()

    def vectors_at(self, rows: range) -> Stored:
        """Return the vectors of some consecutive rows of one card."""
        if self.added is not None and rows.start >= len(self.vectors):
            base = len(self.vectors)
            return self.added[rows.start - base : rows.stop - base]
        return self.vectors[rows.start : rows.stop]

    def prints(self) -> list[int]:
        """Return for each artwork how many cards carry it."""
        return list(self._cards.artworks().values())

    @property
    def removed(self) -> NDArray[np.bool_]:
        """Which rows of the base no longer count, (N,)."""
        if isinstance(self._cards, LayeredCards):
            return self._cards.removed
        return np.zeros(len(self.vectors), dtype=np.bool_)

    def verified_path(self, name: str) -> Path:
        """Return the path of a data file whose hash was checked just now."""
        return located(self.folder, self.manifest, name)

    def close(self) -> None:
        """Close card table and pictures; the vectors are unmapped when nobody holds them any more."""
        self._cards.close()
        if self.pictures is not None:
            self.pictures.close()


def open_database(folder: Path) -> Database:
    """Open a database folder; its files are hashed, then mapped.

    Raises
    ------
    ArtifactError
        The folder is no finished database, or a file is missing, damaged or from another build.
    """
    manifest = load_database_manifest(folder)
    try:
        return _open(folder, manifest)
    except ArtifactError:
        # A build may have put a new version in place since the manifest was read.
        if (newer := load_database_manifest(folder)) == manifest:
            raise
        return _open(folder, newer)


def _open(folder: Path, manifest: DatabaseManifest) -> Database:
    vectors = _map_vectors(located(folder, manifest, VECTORS_FILE), manifest, manifest.rows)
    base = open_cards(located(folder, manifest, CARDS_FILE), manifest.rows)
    pictures: Pictures | None = None
    try:
        if PICTURES_FILE in manifest.files:
            pictures = open_pictures(located(folder, manifest, PICTURES_FILE), manifest.rows)
        return _with_delta(folder, manifest, vectors, base, pictures)
    except ArtifactError:
        base.close()
        if pictures is not None:
            pictures.close()
        raise


def _with_delta(
    folder: Path,
    manifest: DatabaseManifest,
    vectors: Stored,
    base: CardStore,
    pictures: Pictures | None,
) -> Database:
    delta = manifest.delta
    if delta is None:
        return Database(folder, manifest, vectors, base, pictures=pictures)
    added = _map_vectors(located(folder, manifest, delta.vectors), manifest, delta.rows)
    changes = open_cards(located(folder, manifest, delta.cards), manifest.rows + delta.rows)
    cards = LayeredCards(base, changes, manifest.rows)
    if int(cards.removed.sum()) != delta.removed:
        changes.close()
        raise ArtifactError(
            f"{folder / delta.cards} removes {int(cards.removed.sum())} rows, the manifest says "
            f"{delta.removed}: build the database again"
        )
    try:
        pictures = _with_added_pictures(folder, manifest, pictures)
    except ArtifactError:
        changes.close()
        raise
    return Database(folder, manifest, vectors, cards, added, pictures)


def _with_added_pictures(folder: Path, manifest: DatabaseManifest, base: Pictures | None) -> Pictures | None:
    delta = manifest.delta
    if delta is None or (base is None and delta.pictures is None):
        return base
    if base is None or delta.pictures is None:
        raise ArtifactError(
            f"{folder}: there are pictures of {'the added' if base is None else 'the first'} cards only: "
            "build the database again"
        )
    return LayeredPictures(base, open_pictures(located(folder, manifest, delta.pictures), delta.rows))


def _map_vectors(path: Path, manifest: DatabaseManifest, rows: int) -> Stored:
    try:
        # An array without rows has no bytes to map.
        vectors = np.load(path, mmap_mode="r" if rows else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ArtifactError(f"{path} cannot be mapped: {error}; build the database again") from error
    found = (vectors.shape, vectors.dtype.name)
    if found != ((rows, manifest.dim), manifest.dtype):
        raise ArtifactError(
            f"{path} holds {found[1]} of shape {found[0]}, the manifest says {manifest.dtype} of "
            f"{(rows, manifest.dim)}: build the database again"
        )
    return np.asarray(vectors)
