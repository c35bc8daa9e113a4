"""Opening the index that is meant, and proving it before anybody asks it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cardscanner.config import IndexConfig, QdrantConfig
from cardscanner.errors import ConfigError
from cardscanner.manifest import DatabaseManifest
from cardscanner.match.database import Database
from cardscanner.match.exact import exact_index
from cardscanner.match.selftest import self_test
from cardscanner.match.unit_vectors import let_go
from cardscanner.ports import Index


def load_index(config: IndexConfig, database: Database) -> Index:
    """Open the index that is meant, over an open database, and compare it with an exact search.

    Raises
    ------
    ArtifactError
        Its file is missing, damaged, or not the one of the manifest; or a vector is no finite unit vector.
    ConfigError
        The database was built without this index, or its package is not installed.
    IndexFault
        It answers differently from an exact search; there is no silent change to another index.
    IndexAway
        Its server does not answer.
    """
    # First of all the vectors themselves: an index over one that is not finite answers nonsense.
    exact = exact_index(database.vectors)
    index = open_index(meant_backend(config, database.manifest), database, config.search_k, config.qdrant)
    try:
        self_test(index, exact, database.vectors)
    except BaseException:
        index.close()
        raise
    let_go(database.vectors)
    return with_changes(index, database)


def with_changes(base: Index, database: Database) -> Index:
    """Search what was changed since the base was built together with it."""
    if database.added is None:
        return base
    from cardscanner.match.layered import LayeredIndex

    added = np.asarray(database.added, dtype=np.float32)
    return LayeredIndex(
        base, exact_index(added) if len(added) else None, database.removed, database.manifest.rows
    )


def meant_backend(config: IndexConfig, manifest: DatabaseManifest) -> str:
    """Return the backend of the configuration, or where that says ``auto`` the one of the database."""
    return manifest.search.backend if config.backend == "auto" else config.backend


def open_index(
    backend: str, database: Database, search_k: int | None = None, qdrant: QdrantConfig | None = None
) -> Index:
    """Open one kind of index as it is, without looking at what it answers."""
    match backend:
        case "exact":
            # Held in float32: converting the stored float16 at every search costs several times the search.
            return exact_index(np.asarray(database.vectors, dtype=np.float32))
        case "int8":
            from cardscanner.match.int8_index import int8_index

            return int8_index(database.vectors)
        case "annoy":
            from cardscanner.match.annoy_index import INDEX_FILE, open_annoy

            return open_annoy(_index_file(database, INDEX_FILE, backend), database.manifest, search_k)
        case "ivf":
            from cardscanner.match.ivf_index import LISTS_FILE, open_lists

            return open_lists(_index_file(database, LISTS_FILE, backend), database.vectors, database.manifest)
        case "qdrant" if qdrant is not None:
            from cardscanner.match.qdrant_index import open_qdrant

            return open_qdrant(qdrant, database)
        case _:
            raise ConfigError(
                f"index.backend {backend!r} is unknown; allowed: auto, annoy, exact, int8, ivf, qdrant"
            )


def _index_file(database: Database, name: str, backend: str) -> Path:
    if name not in database.manifest.files:
        raise ConfigError(
            f"index.backend is {backend}, but {database.folder} was built without {name}: set index.backend: "
            f"auto (here {database.manifest.search.backend}), or build it with --index {backend}"
        )
    return database.verified_path(name)
