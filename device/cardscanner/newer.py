"""A scanner that runs notices a new version of its database and opens it beside the one in use.

Opening takes a while (files are hashed, the index proves itself), so it happens in a thread of its own; the
scan thread asks between two frames whether something is ready, which costs one look at the manifest's file
every two seconds. A version that cannot be used is told once and changes nothing.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from cardscanner.config import IndexConfig
from cardscanner.errors import CardscannerError
from cardscanner.manifest import MANIFEST, DatabaseManifest, ModelManifest, agree, load_database_manifest
from cardscanner.match import Database, load_index, open_database
from cardscanner.ports import Index

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 2.0
_AGAIN_S = 30.0
"""After a failure: the same file is tried again, for it may have been caught amid a replacement."""

Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A database and its index, ready for the thread that takes them."""

    database: Database
    index: Index

    def close(self) -> None:
        """Close both."""
        self.index.close()
        self.database.close()


class NewerDatabase:
    """Owned by the scan thread; close it to wait for an opening that is under way."""

    def __init__(
        self,
        config: IndexConfig,
        model: ModelManifest,
        in_use: DatabaseManifest,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._config = config
        self._model = model
        self._in_use = in_use
        self._look_every_s = look_every_s
        self._next_look = 0.0
        self._again = 0.0
        self._seen: Signature | None = None
        self._told = ""
        self._opener = ThreadPoolExecutor(1, "open-database")
        self._opening: Future[Opened | None] | None = None

    def take(self) -> Opened | None:
        """Return a newer version that is ready, or ``None``; never waits. The caller closes what it gets."""
        if self._opening is not None:
            return self._finished() if self._opening.done() else None
        now = time.monotonic()
        if now < self._next_look:
            return None
        self._next_look = now + self._look_every_s
        signature = self._signature()
        if signature is not None and (signature != self._seen or now >= self._again > 0):
            self._seen, self._again = signature, 0.0
            self._opening = self._opener.submit(self._open)
        return None

    def close(self) -> None:
        """Wait for the opening thread and drop what nobody took; safe to call twice."""
        self._opener.shutdown(wait=True)
        if self._opening is not None:
            ready = self._finished()
            if ready is not None:
                ready.close()

    def _finished(self) -> Opened | None:
        opening, self._opening = self._opening, None
        try:
            ready = opening.result() if opening else None
        except (CardscannerError, OSError) as error:
            self._again = time.monotonic() + _AGAIN_S
            if str(error) != self._told:
                self._told = str(error)
                log.error("the new database cannot be used; the old one stays", error=str(error))
            return None
        if ready is not None:
            self._in_use, self._told = ready.database.manifest, ""
        return ready

    def _open(self) -> Opened | None:
        folder = self._config.database.resolve()  # a link may lead elsewhere while files are opened
        if load_database_manifest(folder) == self._in_use:
            return None
        database = open_database(folder)
        try:
            agree(self._model, database.manifest)
            return Opened(database, load_index(self._config, database))
        except BaseException:
            database.close()
            raise

    def _signature(self) -> Signature | None:
        try:
            found = os.stat(self._config.database / MANIFEST)  # noqa: PTH116 - one call, every two seconds
        except OSError:  # gone for a moment, or for good: what is open goes on
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
