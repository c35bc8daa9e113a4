"""The reference database: a folder of vectors, an index, a card table, and the manifest that seals them.

``manifest.json``  ``vectors.npy`` (N, D) float16  ``index.ann``  ``cards.sqlite``  ``pictures.bin``

Databases of older builds have no pictures; they work, without a second look at candidates.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cardscanner.errors import ArtifactError
from cardscanner.manifest import DatabaseManifest, load_database_manifest
from cardscanner.match.card_store import CARDS_FILE, CardStore, open_cards
from cardscanner.match.depth import neighbours_needed
from cardscanner.match.replacement import located
from cardscanner.match.unit_vectors import Stored
from cardscanner.records import Card
from cardscanner.verify.stored import PICTURES_FILE, StoredPictures, open_pictures

VECTORS_FILE = "vectors.npy"


class Database:
    """Reference vectors, mapped, and the cards behind their rows."""

    def __init__(
        self,
        folder: Path,
        manifest: DatabaseManifest,
        vectors: Stored,
        cards: CardStore,
        depth: int,
        pictures: StoredPictures | None = None,
    ) -> None:
        self.folder = folder
        self.depth = depth
        """Neighbours to ask the index for, so that they hold the artworks that the accept rule compares."""
        self.manifest = manifest
        self.vectors = vectors
        self.pictures = pictures
        """Small pictures of the references; ``None`` when the database was built without."""
        self._cards = cards

    def card_of(self, row: int) -> Card:
        """Return the card of an index row; :class:`IndexError` when there is no such row."""
        return self._cards.card_of(row)

    def row_of(self, card_id: str) -> int | None:
        """Return the first index row of a card, or ``None`` when the database does not have it."""
        return self._cards.row_of(card_id)

    def first_rows(self) -> list[int]:
        """Return the first row of every card, ascending."""
        return self._cards.first_rows()

    def prints(self) -> list[int]:
        """Return for each artwork how many cards carry it."""
        return self._cards.prints()

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
    vectors = _map_vectors(located(folder, manifest, VECTORS_FILE), manifest)
    pictures = None
    if PICTURES_FILE in manifest.files:
        pictures = open_pictures(located(folder, manifest, PICTURES_FILE), manifest.rows)
    cards = open_cards(located(folder, manifest, CARDS_FILE), manifest.rows)
    depth = neighbours_needed(cards.prints(), manifest.accept.last_rank)
    return Database(folder, manifest, vectors, cards, min(depth, manifest.rows), pictures)


def _map_vectors(path: Path, manifest: DatabaseManifest) -> Stored:
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ArtifactError(f"{path} cannot be mapped: {error}; build the database again") from error
    found = (vectors.shape, vectors.dtype.name)
    if found != ((manifest.rows, manifest.dim), manifest.dtype):
        raise ArtifactError(
            f"{path} holds {found[1]} of shape {found[0]}, the manifest says {manifest.dtype} of "
            f"{(manifest.rows, manifest.dim)}: build the database again"
        )
    return np.asarray(vectors)
