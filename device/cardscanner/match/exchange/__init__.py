"""A database as one file that other programs read: npz, JSON lines, Parquet; and back, bit by bit.

Every format says the same: a header (model, space, dimension, precision, accept rule, ...), and for every
view of a card its id, name, artwork, picture, metadata and vector, and what is stored for second looks. An
import checks every vector, builds the index and replaces the target as a build does. The accept rule comes
along, for it belongs to these vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from cardscanner.errors import InputError
from cardscanner.manifest import DatabaseManifest, FileEntry, IndexSpec, load_database_manifest
from cardscanner.match.assemble import Title
from cardscanner.match.build import check_target
from cardscanner.match.card_rows import refuse_all
from cardscanner.match.card_store import StoredCard
from cardscanner.match.database import open_database
from cardscanner.match.exchange.rows import Header, View
from cardscanner.match.merge import numbered, workplace, write_base
from cardscanner.match.progress import Progress
from cardscanner.match.replacement import install
from cardscanner.match.unit_vectors import bad_rows
from cardscanner.match.work_area import writing
from cardscanner.records import Card
from cardscanner.verify.stored import Entry

FORMATS = (".npz", ".jsonl", ".parquet")


def export_database(folder: Path, file: Path) -> int:
    """Write a database as one file, its format by the suffix; return the number of rows.

    Raises
    ------
    InputError
        The suffix is none of ours, or Parquet was asked for and pyarrow is not installed.
    ArtifactError
        The database cannot be opened.
    """
    writer = _format(file).write
    with closing(open_database(folder)) as database:
        manifest = database.manifest
        accept, pictures = manifest.accept, database.pictures
        if pictures is None:
            accept = accept.model_copy(update={"verify": None})
        document = manifest.model_dump(mode="json") | {"rows": manifest.live_rows, "accept": accept}
        header = Header.model_validate({"cardscanner_database": 1, **document})

        def views() -> Iterator[View]:
            for stored in database.stored_cards():
                card, vectors = stored.card, database.vectors_at(stored.rows)
                images = [stored.image, *stored.more_images]
                for row, image, vector in zip(stored.rows, images, vectors, strict=True):
                    look = pictures.entry(row).packed() if pictures else None
                    notes = dict(card.metadata)
                    yield View("", card.card_id, card.name, card.artwork, image, notes, vector, look)

        writer(file, header, views())
        return header.rows


def import_database(
    file: Path, out: Path, title: Title | None = None, progress: Progress | None = None
) -> DatabaseManifest:
    """Make a database folder of an exported file; one that lies in ``out`` is replaced at the very end.

    Raises
    ------
    InputError
        The file cannot be read, or a row is wrong; every wrong row is named.
    ArtifactError
        ``out`` cannot be written, holds something else, or is being written by another process.
    """
    progress = progress or Progress()
    if not file.is_file():
        raise InputError(f"{file}: there is no such file")
    check_target(out)
    header, views = _format(file).read(file)
    found = list(views)
    _check(file, header, found)
    like = _manifest(header, title)
    with writing(out), workplace(out) as work:
        cards = list(numbered(_stored(found)))
        vectors = (np.asarray(each.vector, dtype=header.dtype)[None] for each in found)
        entries = _entries(header, found)
        manifest = write_base(work, cards, vectors, like, progress, entries)
        install(work, out, sorted(manifest.files))
    return load_database_manifest(out)


def _check(file: Path, header: Header, views: list[View]) -> None:
    if len(views) != header.rows:
        raise InputError(f"{file}: {len(views)} rows, its header says {header.rows}: the file is not whole")
    mistakes = [f"{file}, {each.place}: {wrong}" for each in views if (wrong := _wrong(each, header))]
    seen: set[str] = set()
    for card_id, (first, *_) in _grouped(views):
        if card_id in seen:
            twice = f"card {card_id} is there twice; views of one card stand together"
            mistakes.append(f"{file}, {first.place}: {twice}")
        seen.add(card_id)
    refuse_all(mistakes)


def _wrong(view: View, header: Header) -> str | None:
    if not view.card_id:
        return "card_id is empty"
    if view.vector.shape != (header.dim,):
        return (
            f"the vector of {view.card_id} has shape {view.vector.shape}, the header says {header.dim} values"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        if bad_rows(view.vector[None]).size:
            return f"the vector of {view.card_id} is not a finite unit vector"
    return _wrong_look(view) if header.accept.verify else None


def _wrong_look(view: View) -> str | None:
    if view.look is None:
        return f"{view.card_id} has no small picture, though the accept rule asks for second looks"
    try:
        Entry.unpacked(view.look)
    except ValueError as error:
        return f"{view.card_id}: {error}"
    return None


def _entries(header: Header, views: Iterable[View]) -> Iterator[Entry] | None:
    """Return what second looks need; ``None`` when the database that was exported had none."""
    if header.accept.verify is None:
        return None
    return (Entry.unpacked(each.look) for each in views if each.look is not None)


def _grouped(views: Iterable[View]) -> Iterator[tuple[str, list[View]]]:
    for card_id, those in groupby(views, key=lambda each: each.card_id):
        yield card_id, list(those)


def _stored(views: Iterable[View]) -> Iterator[StoredCard]:
    for card_id, (first, *more) in _grouped(views):
        card = Card(card_id, first.name, first.artwork, first.metadata)
        yield StoredCard(0, card, first.image, tuple(each.image for each in more))


def _manifest(header: Header, title: Title | None) -> DatabaseManifest:
    """Return the manifest so far; what is measured and hashed is put in when the files are written."""
    names = {} if title is None else {"name": title.name, "version": title.version}
    unknown = {"vectors.npy": FileEntry(sha256="0" * 64, size=1)}
    index = IndexSpec(trees=1, search_k=1, seed=0)
    document = header.model_dump() | {"cards": 1, "artworks": 1, "files": unknown, "index": index} | names
    return DatabaseManifest.model_validate(
        {key: value for key, value in document.items() if key != "cardscanner_database"}
    )


def _format(file: Path) -> Any:
    match file.suffix.lower():
        case ".npz":
            from cardscanner.match.exchange import npz

            return npz
        case ".jsonl":
            from cardscanner.match.exchange import jsonl

            return jsonl
        case ".parquet":
            from cardscanner.match.exchange import parquet

            return parquet
        case _:
            raise InputError(f"{file}: the name must end in {', '.join(FORMATS)}")
