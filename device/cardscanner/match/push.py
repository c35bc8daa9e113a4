"""Carrying the vectors of a database into a Qdrant collection; what is there already is not sent again.

The collection itself knows which rows it has, so a push that was killed anywhere goes on with the rows that
lack. It is marked as complete last, after counting and looking: until then nobody can search it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardscanner.config import QdrantConfig
from cardscanner.errors import ArtifactError
from cardscanner.match.collection_identity import Identity, Label, identity_of, refuse_other
from cardscanner.match.database import Database, open_database
from cardscanner.match.exact import exact_index
from cardscanner.match.progress import Progress
from cardscanner.match.qdrant import Collection, open_collection
from cardscanner.match.unit_vectors import let_go, units_at

BATCH = 256
_LOOKED_AT = 100
_ALIKE = 1e-3
_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did."""

    collection: str
    rows: int
    sent: int
    """Fewer than ``rows`` when an earlier push had sent the others."""


def push_database(
    folder: Path, config: QdrantConfig, progress: Progress | None = None, batch: int = BATCH
) -> Pushed:
    """Make a collection hold the vectors of a database's base.

    Raises
    ------
    ArtifactError, Disagreement
        The database cannot be opened, or the collection holds something else.
    IndexAway, ConfigError
        The server does not answer, or refuses us. Nothing is lost: the same command goes on.
    """
    progress = progress or Progress()
    with closing(open_database(folder)) as database:
        exact_index(database.vectors)  # refuses vectors that are not finite
        identity = identity_of(database.manifest)
        with closing(open_collection(config, identity.collection, make=True)) as collection:
            return _push(database, identity, collection, progress, batch)


def _push(
    database: Database, identity: Identity, collection: Collection, progress: Progress, batch: int
) -> Pushed:
    label = collection.label()
    if label is None:
        collection.create(identity)
        missing = np.arange(identity.rows)
    else:
        refuse_other(label.identity, identity, collection.place)
        missing = _missing(collection, identity.rows)
        if len(missing) < identity.rows:
            progress.note(f"{identity.rows - len(missing)} of {identity.rows} vectors are there already")
        if label.complete and len(missing):
            collection.write_label(Label(identity, complete=False))
    if database.added is not None:
        progress.note(
            "cards changed since the base was built are not sent: they are searched in the database"
        )
    _send(database, collection, missing, progress, batch)
    _prove(database, collection, identity.rows, progress)
    collection.write_label(Label(identity, complete=True))
    return Pushed(collection.name, identity.rows, len(missing))


def _missing(collection: Collection, rows: int) -> NDArray[np.int64]:
    there = np.zeros(rows, dtype=np.bool_)
    for some in collection.rows():
        if some.size and some.max() >= rows:
            raise ArtifactError(
                f"{collection.place} holds row {some.max()}, the database {rows} rows: delete it, push again"
            )
        there[some] = True
    return np.flatnonzero(~there)


def _send(
    database: Database, collection: Collection, missing: NDArray[np.int64], progress: Progress, batch: int
) -> None:
    removed = database.removed
    with progress.counting(len(missing), "pushing vectors") as one_more:
        for start in range(0, len(missing), batch):
            rows = missing[start : start + batch]
            numbers: list[int] = rows.tolist()
            payloads = [_payload(database, row, removed=bool(removed[row])) for row in numbers]
            collection.put(numbers, units_at(database.vectors, rows), payloads)
            for _ in numbers:
                one_more()
        let_go(database.vectors)


def _payload(database: Database, row: int, *, removed: bool) -> Mapping[str, str | int]:
    """What other programs that search the collection want to know of a point."""
    if removed:
        return {"removed": 1}
    card = database.card_of(row)
    return {"card_id": card.card_id, "name": card.name, "artwork": card.artwork}


def _prove(database: Database, collection: Collection, rows: int, progress: Progress) -> None:
    """Wait for the engine's own index, count, and look at some vectors."""
    if not collection.indexed():
        progress.note("all vectors are there; waiting until the server has indexed them")
        while not collection.indexed():
            time.sleep(_WAIT_S)
    if (held := collection.count()) != rows:
        raise ArtifactError(f"{collection.place} holds {held} vectors, the database {rows}: push it again")
    some = np.sort(np.random.default_rng(rows).choice(rows, min(_LOOKED_AT, rows), replace=False))
    found = collection.vectors_at(some.tolist())
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    cosines = (found * units_at(database.vectors, some)).sum(axis=1)
    if not cosines.min() >= 1 - _ALIKE:
        row = int(some[int(np.argmin(cosines))])
        raise ArtifactError(
            f"{collection.place} holds another vector as row {row}: delete the collection and push again"
        )
