"""From vectors to neighbours: the reference database and the index that searches it."""

from __future__ import annotations

from cardscanner.match.database import Database, open_database
from cardscanner.match.opening import load_index, meant_backend, with_changes

__all__ = ["Database", "load_index", "meant_backend", "open_database", "with_changes"]
