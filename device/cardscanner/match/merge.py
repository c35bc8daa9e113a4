"""A new base out of vectors and cards that are there already: after changes, and for an import.

Vectors are copied bit by bit and the accept rule is kept; the index is built, its effort measured and proved
as in a build. It replaces the old base as a build does, so a reader sees the old files or the new ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from cardscanner.errors import ArtifactError
from cardscanner.files import replacing, write_json
from cardscanner.manifest import (
    MANIFEST,
    DatabaseManifest,
    describe_file,
    load_database_manifest,
    sealed_document,
)
from cardscanner.match.annoy_index import INDEX_FILE
from cardscanner.match.assemble import write_rows
from cardscanner.match.card_store import CARDS_FILE, StoredCard, write_cards
from cardscanner.match.database import VECTORS_FILE, open_database
from cardscanner.match.exact import exact_index
from cardscanner.match.index_choice import build_indexes
from cardscanner.match.progress import Progress
from cardscanner.match.replacement import forget_deltas, install
from cardscanner.match.unit_vectors import Stored
from cardscanner.match.work_area import writing
from cardscanner.verify.stored import PICTURES_FILE, Entry
from cardscanner.verify.storing import write_entries

_WORK = ".merge"
_OURS = {VECTORS_FILE, INDEX_FILE, "index.ivf", CARDS_FILE, PICTURES_FILE}


def merge_database(folder: Path, progress: Progress | None = None) -> DatabaseManifest:
    """Make a new base of base and changes; a database without changes stays as it is.

    A scanner may go on with the old files meanwhile. Killed anywhere, the database is the old or the new one.

    Raises
    ------
    ArtifactError
        The database is damaged, cannot be written, or is being changed by another process.
    """
    progress = progress or Progress()
    load_database_manifest(folder)
    with writing(folder), closing(open_database(folder)) as database:
        before = database.manifest
        if before.delta is None:
            _clean(folder, before)
            return before
        if strangers := before.files.keys() - _OURS - set(before.delta.files):
            raise ArtifactError(
                f"{folder}: {', '.join(sorted(strangers))} cannot be merged: build the database again"
            )
        old = list(database.stored_cards())
        with workplace(folder) as work:
            cards = list(numbered(old))
            vectors = (database.vectors_at(each.rows) for each in old)
            entries = None
            if (pictures := database.pictures) is not None:
                entries = (pictures.entry(row) for each in old for row in each.rows)
            after = write_base(work, cards, vectors, before, progress, entries)
            install(work, folder, sorted(after.files))
    return load_database_manifest(folder)


def _clean(folder: Path, manifest: DatabaseManifest) -> None:
    """Drop what a merge left that was killed when it was done but for this."""
    shutil.rmtree(folder / _WORK, ignore_errors=True)
    forget_deltas(folder, manifest.files)


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """Give an empty folder inside the database folder; what an earlier attempt left there goes."""
    work = folder / _WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def numbered(cards: Iterable[StoredCard]) -> Iterator[StoredCard]:
    """Give cards rows without gaps and artworks counted from 0, both in their order."""
    row = 0
    artworks: dict[int, int] = {}
    for each in cards:
        artwork = artworks.setdefault(each.card.artwork, len(artworks))
        yield replace(each, first_row=row, card=replace(each.card, artwork=artwork))
        row += len(each.rows)


def write_base(
    folder: Path,
    cards: Sequence[StoredCard],
    vectors: Iterable[Stored],
    like: DatabaseManifest,
    progress: Progress,
    pictures: Iterable[Entry] | None = None,
) -> DatabaseManifest:
    """Write all files of a database into a folder; model, accept rule and names are those of ``like``."""
    rows = cards[-1].rows.stop
    stored = write_rows(folder / VECTORS_FILE, vectors, rows, like.dim, like.dtype)
    exact = exact_index(stored)
    with replacing(folder / CARDS_FILE) as temporary:
        write_cards(temporary, cards)
    names = [VECTORS_FILE, CARDS_FILE]
    if pictures is not None:
        names.append(PICTURES_FILE)
        with replacing(folder / PICTURES_FILE) as temporary:
            write_entries(temporary, pictures, rows)
    # The kind of index stays the one that the build or its user chose.
    built = build_indexes(folder, stored, exact, like.search.backend, progress)
    document = like.model_dump() | {
        "rows": rows,
        "cards": len(cards),
        "artworks": len({each.card.artwork for each in cards}),
        "index": built.annoy,
        "lists": built.lists,
        "search": built.search,
        "files": {name: describe_file(folder / name) for name in (*names, *built.files)},
        "delta": None,
    }
    manifest = DatabaseManifest.model_validate(document)
    write_json(folder / MANIFEST, sealed_document(manifest))
    return manifest
