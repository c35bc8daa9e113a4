"""Search in a Qdrant collection that holds the vectors of an open database.

The engine names candidates; their cosines are taken from the database's own vectors, and an engine that tells
other ones holds other vectors: that is a fault, not an answer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cardscanner.config import QdrantConfig
from cardscanner.errors import ArtifactError, IndexFault
from cardscanner.match.collection_identity import Identity, identity_of, refuse_other
from cardscanner.match.database import Database
from cardscanner.match.exact import Answer
from cardscanner.match.qdrant import Collection, open_collection
from cardscanner.match.rerank import rerank
from cardscanner.match.unit_vectors import Stored, checked_units
from cardscanner.records import Vectors

_SPARE = 16
"""Candidates beyond k, since the engine keeps its vectors in float16."""

_AT_ONCE = 64
_HONEST = 2e-3
"""What rounding may change of a cosine."""


class QdrantIndex:
    """Asks a collection; compares its candidates again."""

    def __init__(self, collection: Collection, stored: Stored) -> None:
        self.size, self.dim = stored.shape
        self._collection: Collection | None = collection
        self._stored = stored

    def nearest(self, vectors: Vectors, k: int, effort: float = 1.0) -> Answer:
        """Return rows and cosines, (B, min(k, size)), best first."""
        if k < 1:
            raise ValueError(f"k is {k}; at least one neighbour must be asked for")
        queries = checked_units(vectors, self.dim)
        if self._collection is None:
            raise IndexFault("the index is closed: open the database again")
        wanted = min(k, self.size)
        rows = np.empty((len(queries), wanted), dtype=np.int64)
        cosines = np.empty((len(queries), wanted), dtype=np.float32)
        for start in range(0, len(queries), _AT_ONCE):
            several = queries[start : start + _AT_ONCE]
            answers = self._collection.search(several, min(wanted + _SPARE, self.size), effort)
            for number, (found, told) in enumerate(answers, start):
                self._refuse_strange(found, wanted)
                best, true = rerank(self._stored, queries[number], found, len(found))
                self._refuse_untrue(found, told, best, true)
                rows[number], cosines[number] = best[:wanted], true[:wanted]
        return rows, cosines

    def close(self) -> None:
        """Leave the collection; safe to call twice. Searching afterwards is an :class:`IndexFault`."""
        if self._collection is not None:
            self._collection.close()
            self._collection = None

    def _refuse_strange(self, found: NDArray[np.int64], wanted: int) -> None:
        inside = bool(((found >= 0) & (found < self.size)).all())
        if not inside or len(np.unique(found)) != len(found) or len(found) < wanted:
            raise IndexFault(
                f"the collection gave {len(found)} of {wanted} neighbours, or strange ones: push it again"
            )

    def _refuse_untrue(
        self,
        found: NDArray[np.int64],
        told: NDArray[np.float32],
        best: NDArray[np.int64],
        true: NDArray[np.float32],
    ) -> None:
        by_row = np.argsort(found), np.argsort(best)
        off = np.abs(told[by_row[0]] - true[by_row[1]])
        if off.size and not off.max() <= _HONEST:
            row = int(found[by_row[0]][int(np.argmax(off))])
            raise IndexFault(f"the collection holds another vector as row {row}: push the database again")


def open_qdrant(config: QdrantConfig, database: Database) -> QdrantIndex:
    """Open the collection of a database.

    Raises
    ------
    ArtifactError, Disagreement
        It does not exist, is unfinished, lacks rows, or holds other vectors.
    IndexAway, ConfigError
        The server does not answer, or refuses us.
    """
    wanted = identity_of(database.manifest)
    collection = open_collection(config, wanted.collection)
    try:
        _refuse_unfit(collection, wanted)
    except BaseException:
        collection.close()
        raise
    return QdrantIndex(collection, database.vectors)


def _refuse_unfit(collection: Collection, wanted: Identity) -> None:
    label = collection.label()
    if label is None:
        raise ArtifactError(f"{collection.place} does not exist: push the database (cardscanner db push)")
    refuse_other(label.identity, wanted, collection.place)
    if not label.complete:
        raise ArtifactError(
            f"{collection.place} is unfinished: run cardscanner db push again, it goes on where it stopped"
        )
    if (held := collection.count()) != wanted.rows:
        raise ArtifactError(
            f"{collection.place} holds {held} of {wanted.rows} vectors: push the database again"
        )
