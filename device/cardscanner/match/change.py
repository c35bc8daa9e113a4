"""Changing a database without building it again: cards come, go, and are replaced.

A change writes two small files, ``delta-N.npy`` with the vectors of all cards added since the base was built
and ``delta-N.sqlite`` with those cards and the rows of the base that no longer count, and then replaces the
manifest. That one rename is the switch: a reader, or a crash, sees the database before or after, and the
base's files are never touched. The base is searched by its index and the added vectors exactly, so an added
card is found at once (:mod:`layered`). When a twentieth has changed, :mod:`merge` makes a new base.

What a change does not do is calibrate: the accept rule stays that of the last build. The margin it is about
moves little with the size of the gallery, but a gallery that has changed by a fifth is another one;
:func:`calibration_is_old` says when.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cardscanner.errors import InputError
from cardscanner.manifest import DatabaseManifest, ModelManifest, agree, load_database_manifest
from cardscanner.match.assemble import GALLERY
from cardscanner.match.build import check_model, refuse_unreadable, sift
from cardscanner.match.card_rows import Reference, refuse_all
from cardscanner.match.card_table import read_source
from cardscanner.match.database import Database, open_database
from cardscanner.match.delta import NewCards, write_change
from cardscanner.match.embedding import Unreadable, embed_references
from cardscanner.match.progress import Progress
from cardscanner.match.unit_vectors import Stored, joined
from cardscanner.match.work_area import PART_CARDS, identity_of, work_area, writing
from cardscanner.ports import Embedder
from cardscanner.verify.stored import Entry

MERGE_SHARE = 0.05
"""From this share of changed rows on, a new base is worth its making."""
RECALIBRATE_SHARE = 0.2

_WORK = ".change"


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """What a change made, and which references it had to leave out."""

    manifest: DatabaseManifest
    changed: tuple[str, ...]
    """Ids of the cards that came, went or were replaced."""
    unreadable: tuple[Unreadable, ...] = ()


def add_cards(
    folder: Path,
    references: Sequence[Reference],
    embedder: Embedder,
    model: ModelManifest,
    *,
    replacing_cards: bool = False,
    strict: bool = False,
    progress: Progress | None = None,
    part_cards: int = PART_CARDS,
) -> ChangeReport:
    """Add cards, or with ``replacing_cards`` put new pictures and data in the place of cards that are there.

    Like a build it goes on where it was stopped, and references that cannot be read are listed.

    Raises
    ------
    InputError
        A card is there already (or, to be replaced, is not); or no picture can be read.
    Disagreement
        The database was made with another model.
    ArtifactError
        The database is damaged, cannot be written, or is being changed by another process.
    """
    progress = progress or Progress()
    check_model(embedder, model)
    agree(model, manifest := load_database_manifest(folder))
    with closing(open_database(folder)) as database:
        _check_ids(database, references, replacing_cards=replacing_cards)
    identity = identity_of(references, model, embedder.info.sha256)
    with (
        work_area(folder, identity, part_cards, progress, dtype=manifest.dtype, name=_WORK) as work,
        closing(open_database(folder)) as database,
    ):
        _check_ids(database, references, replacing_cards=replacing_cards)  # somebody was faster
        embed_references(references, embedder, work, progress)
        kept, unreadable = sift(references, work)
        refuse_unreadable(folder, kept, unreadable, strict=strict)
        gone = {each.card_id for each in kept} if replacing_cards else set()
        manifest = write_change(database, NewCards(kept, work.all_vectors()), gone)
    changed = tuple(dict.fromkeys(each.card_id for each in kept))
    return ChangeReport(manifest, changed, tuple(unreadable))


def add_views(
    folder: Path,
    views: Sequence[Reference],
    embedder: Embedder,
    model: ModelManifest,
    *,
    progress: Progress | None = None,
) -> ChangeReport:
    """Give cards that are there further views; the vectors that they have stay, bit by bit.

    Views that are there already, by their name, and views of cards that are not there are left out.

    Raises
    ------
    InputError
        Nothing is left, or no picture can be read.
    Disagreement, ArtifactError
        As :func:`add_cards`.
    """
    progress = progress or Progress()
    check_model(embedder, model)
    agree(model, manifest := load_database_manifest(folder))
    with closing(open_database(folder)) as database:
        views = _fresh_views(database, views)
    if not views:
        raise InputError(f"{folder}: there is no view that it does not have, of a card that it has")
    identity = identity_of(views, model, embedder.info.sha256)
    with (
        work_area(folder, identity, PART_CARDS, progress, dtype=manifest.dtype, name=_WORK) as work,
        closing(open_database(folder)) as database,
    ):
        embed_references(views, embedder, work, progress)
        kept, unreadable = sift(views, work)
        refuse_unreadable(folder, kept, unreadable, strict=False)
        changed = dict.fromkeys(each.card_id for each in kept)
        manifest = write_change(database, _with_old_views(database, kept, work.all_vectors()), changed)
    return ChangeReport(manifest, tuple(changed), tuple(unreadable))


def _fresh_views(database: Database, views: Sequence[Reference]) -> list[Reference]:
    have = {each.card.card_id: {each.image, *each.more_images} for each in database.stored_cards()}
    return [each for each in views if each.image not in have.get(each.card_id, {each.image})]


def _with_old_views(database: Database, kept: Sequence[Reference], vectors: Stored) -> NewCards:
    """Return cards with the views they had, then the new ones."""
    wanted = {each.card_id for each in kept}
    references: list[Reference] = []
    parts = []
    entries: list[Entry | None] = []
    for stored in database.stored_cards():
        card = stored.card
        if card.card_id not in wanted:
            continue
        mine = [number for number, each in enumerate(kept) if each.card_id == card.card_id]
        images = [(Path(), each) for each in (stored.image, *stored.more_images)]
        images += [(kept[number].path, kept[number].image) for number in mine]
        references += [
            Reference(card.card_id, card.name, path, image, card.metadata) for path, image in images
        ]
        parts += [database.vectors_at(stored.rows), vectors[mine]]
        entries += [database.pictures.entry(row) if database.pictures else None for row in stored.rows]
        entries += [None] * len(mine)
    return NewCards(references, joined(parts, database.manifest.dtype), keep_artworks=True, entries=entries)


def add_source(folder: Path, source: Path, pictures: Path | None = None) -> list[Reference]:
    """Read what is to be added; see :func:`card_table.read_source`. The database must be there already."""
    load_database_manifest(folder)
    return read_source(source, pictures)


def remove_cards(folder: Path, card_ids: Collection[str]) -> ChangeReport:
    """Take cards away; nothing happens unless all of them are there.

    Raises
    ------
    InputError
        A card is not in the database, or none would be left.
    ArtifactError
        The database is damaged, cannot be written, or is being changed by another process.
    """
    load_database_manifest(folder)
    with writing(folder), closing(open_database(folder)) as database:
        gone = list(dict.fromkeys(card_ids))
        refuse_all([f"{folder}: there is no card {each}" for each in gone if not database.rows_of(each)])
        if len(gone) == database.manifest.cards:
            raise InputError(f"{folder}: no card would be left; delete the folder instead")
        nothing = np.empty((0, database.manifest.dim), dtype=database.manifest.dtype)
        return ChangeReport(write_change(database, NewCards([], nothing), set(gone)), tuple(gone))


def merge_is_due(manifest: DatabaseManifest) -> bool:
    """Tell whether so much was changed that a new base should be made."""
    delta = manifest.delta
    return delta is not None and delta.rows + delta.removed > MERGE_SHARE * manifest.rows


def calibration_is_old(manifest: DatabaseManifest) -> bool:
    """Tell whether the accept rule was calibrated for a gallery of quite another size."""
    gallery = float(manifest.accept.calibration.get(GALLERY, manifest.rows))
    return abs(manifest.cards - gallery) > RECALIBRATE_SHARE * gallery


def _check_ids(database: Database, references: Sequence[Reference], *, replacing_cards: bool) -> None:
    mistakes = []
    for card_id in dict.fromkeys(each.card_id for each in references):
        if replacing_cards and not database.rows_of(card_id):
            mistakes.append(f"{database.folder}: there is no card {card_id}; add it")
        elif not replacing_cards and database.rows_of(card_id):
            mistakes.append(f"{database.folder}: card {card_id} is there already; replace it")
    refuse_all(mistakes)
