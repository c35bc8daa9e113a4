"""Shelf: the catalogue of the database in use, opened when somebody asks for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cardscanner.manifest import DatabaseManifest
from cardscanner.match.catalogue import Catalogue, open_catalogue


class Shelf:
    """Safe from any thread. A newer version of the database takes the place of the one that was open."""

    def __init__(self, folder: Path, in_use: Callable[[], DatabaseManifest | None]) -> None:
        self._folder = folder
        self._in_use = in_use
        self._lock = threading.Lock()
        self._open: Catalogue | None = None

    @contextmanager
    def catalogue(self) -> Iterator[Catalogue]:
        """Give the catalogue, for one question at a time; raises as :func:`open_catalogue` does."""
        with self._lock:
            wanted = self._in_use()
            if self._open is not None and wanted is not None and self._open.manifest != wanted:
                self._open.close()
                self._open = None
            if self._open is None:
                self._open = open_catalogue(self._folder)
            yield self._open
