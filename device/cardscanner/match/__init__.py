"""From vectors to neighbours: the reference database and the index that searches it."""

from __future__ import annotations

import numpy as np

from cardscanner.config import IndexConfig
from cardscanner.errors import ConfigError
from cardscanner.match.database import Database, open_database
from cardscanner.ports import Index

__all__ = ["Database", "load_index", "open_database", "with_changes"]


def load_index(config: IndexConfig, database: Database) -> Index:
    """Open the index that the configuration names, over an open database.

    Raises
    ------
    ArtifactError
        Its file is missing, damaged, or not the one of the manifest.
    IndexFault
        It answers differently from an exact search; there is no silent change to another index.
    """
    return with_changes(_load_base(config, database), database)


def with_changes(base: Index, database: Database) -> Index:
    """Search what was changed since the base was built together with it."""
    if database.added is None:
        return base
    from cardscanner.match.exact import exact_index
    from cardscanner.match.layered import LayeredIndex

    added = np.asarray(database.added, dtype=np.float32)
    return LayeredIndex(
        base, exact_index(added) if len(added) else None, database.removed, database.manifest.rows
    )


def _load_base(config: IndexConfig, database: Database) -> Index:
    match config.backend:
        case "exact":
            from cardscanner.match.exact import exact_index

            # Held in float32: converting the stored float16 at every search costs several times the search.
            return exact_index(np.asarray(database.vectors, dtype=np.float32))
        case "annoy":
            return _open_annoy(config, database)
        case _:
            raise ConfigError(f"index.backend {config.backend!r} is unknown; allowed: annoy, exact")


def _open_annoy(config: IndexConfig, database: Database) -> Index:
    from cardscanner.match.annoy_index import INDEX_FILE, open_annoy
    from cardscanner.match.exact import exact_index
    from cardscanner.match.selftest import self_test

    path = database.verified_path(INDEX_FILE)
    index = open_annoy(path, database.manifest, config.search_k)
    self_test(index, exact_index(database.vectors), database.vectors)
    return index
