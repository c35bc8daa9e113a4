"""Writing what was changed since the base was built: the added cards, the removed rows, the new manifest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cardscanner.files import replacing, write_json
from cardscanner.manifest import (
    MANIFEST,
    DatabaseManifest,
    DeltaSpec,
    describe_file,
    load_database_manifest,
    sealed_document,
)
from cardscanner.match import with_changes
from cardscanner.match.artworks import join_artworks
from cardscanner.match.assemble import ARTWORK_COSINE, stored_cards, write_rows
from cardscanner.match.card_rows import Reference
from cardscanner.match.card_store import StoredCard, write_cards
from cardscanner.match.change_pictures import AddedRows, write_change_pictures
from cardscanner.match.database import Database
from cardscanner.match.exact import Answer, exact_index
from cardscanner.match.replacement import forget_deltas
from cardscanner.match.unit_vectors import Stored, units_at
from cardscanner.verify.stored import Entry


@dataclass(frozen=True, slots=True, eq=False)
class NewCards:
    """Cards to be added, and a vector for each of their pictures."""

    references: Sequence[Reference]
    vectors: Stored
    keep_artworks: bool = False
    """Cards that are there already, with other views than before, keep their artwork."""
    entries: Sequence[Entry | None] = ()
    """What is stored already of some pictures; empty: of none."""


def write_change(database: Database, new: NewCards, gone: Collection[str]) -> DatabaseManifest:
    """Write the next delta beside the one in use, switch the manifest, drop the old one."""
    before, folder = database.manifest, database.folder
    stay = [each for each in _added_before(database) if each.card.card_id not in gone]
    old = [database.vectors_at(each.rows) for each in stay]
    first_new = before.rows + sum(len(each) for each in old)
    cards = list(_renumbered(stay, before.rows))
    artworks = _artworks(database, new)
    cards += stored_cards(new.references, artworks, first_new)
    removed = _removed_ranges(database, gone)
    number = before.changes + 1
    delta = DeltaSpec(
        rows=first_new - before.rows + len(new.references),
        removed=sum(len(each) for each in removed),
        vectors=f"delta-{number}.npy",
        cards=f"delta-{number}.sqlite",
        pictures=None if database.pictures is None else f"delta-{number}.bin",
    )
    write_rows(folder / delta.vectors, [*old, new.vectors], delta.rows, before.dim, before.dtype)
    with replacing(folder / delta.cards) as temporary:
        temporary.unlink(missing_ok=True)
        write_cards(temporary, cards, removed)
    if database.pictures is not None and delta.pictures is not None:
        entries = new.entries or [None] * len(new.references)
        rows = [row for each in stay for row in each.rows]
        added = AddedRows(new.references, new.vectors, artworks, entries)
        write_change_pictures(folder / delta.pictures, database, database.pictures, rows, added)
    manifest = _changed_manifest(database, delta, cards, gone, number)
    write_json(folder / MANIFEST, sealed_document(manifest))
    forget_deltas(folder, manifest.files)
    return load_database_manifest(folder)


def _changed_manifest(
    database: Database, delta: DeltaSpec, cards: Sequence[StoredCard], gone: Collection[str], number: int
) -> DatabaseManifest:
    before, folder = database.manifest, database.folder
    names = delta.files if delta.rows or delta.removed else []
    kept = {name: entry for name, entry in before.files.items() if not name.startswith("delta-")}
    base = [each for each in database.stored_cards() if each.first_row < before.rows]
    artworks = {each.card.artwork for each in base if each.card.card_id not in gone}
    artworks |= {each.card.artwork for each in cards}
    document = before.model_dump() | {
        "version": f"{before.version.split('+')[0]}+{number}",
        "cards": sum(each.card.card_id not in gone for each in base) + len(cards),
        "artworks": len(artworks),
        "files": kept | {name: describe_file(folder / name) for name in names},
        "changes": number,
        "delta": delta if names else None,
    }
    return DatabaseManifest.model_validate(document)


def _added_before(database: Database) -> Iterator[StoredCard]:
    return (each for each in database.stored_cards() if each.first_row >= database.manifest.rows)


def _renumbered(cards: Sequence[StoredCard], first_row: int) -> Iterator[StoredCard]:
    for each in cards:
        yield replace(each, first_row=first_row)
        first_row += len(each.rows)


def _removed_ranges(database: Database, gone: Collection[str]) -> list[range]:
    """Return the rows of the base that no longer count, in runs."""
    removed = database.removed.copy()
    for card_id in gone:
        rows = database.rows_of(card_id)
        if rows.start < database.manifest.rows:
            removed[rows.start : rows.stop] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], removed, [False]]).astype(np.int8)))
    return [range(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _artworks(database: Database, new: NewCards) -> list[int]:
    """Return an artwork for each new row: that of its label, of a twin too close to tell apart, or its own.

    The limit is the one that the build measured. A card that is close to two artworks joins the nearer one;
    only a build joins the two.
    """
    if not len(new.vectors):
        return []
    cards = list(database.stored_cards())
    known = {each.card.metadata.get("art_group", ""): each.card.artwork for each in cards}
    known.pop("", None)
    if new.keep_artworks:
        known |= {f"card {each.card.card_id}": each.card.artwork for each in cards}
    limit = float(database.manifest.accept.calibration.get(ARTWORK_COSINE, np.inf))
    labels = [each.art_group or f"card {each.card_id}" for each in new.references]
    together = join_artworks(labels, new.vectors, limit)
    nearest, cosines = _nearest(database, new.vectors)
    joined: dict[int, int] = {}
    for row in np.argsort(-cosines, kind="stable").tolist():
        if labels[row] in known:
            joined[int(together[row])] = known[labels[row]]
        elif cosines[row] > limit:
            joined.setdefault(int(together[row]), database.card_of(int(nearest[row])).artwork)
    free = max(each.card.artwork for each in cards) + 1
    for group in dict.fromkeys(together.tolist()):
        if group not in joined:
            joined[group], free = free, free + 1
    return [joined[group] for group in together.tolist()]


def _nearest(database: Database, vectors: Stored) -> Answer:
    index = with_changes(exact_index(database.vectors), database)
    rows, cosines = index.nearest(units_at(vectors, np.arange(len(vectors))), 1)
    return rows[:, 0], cosines[:, 0]
