"""A history with its outbox and its keeper, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from scans import FACTS, open_outbox, scan_event

from cardscanner.config import HistoryConfig
from cardscanner.history import History
from cardscanner.history.keeping import HistoryKeeper
from cardscanner.publish import Outbox
from cardscanner.publish.scan import store_message
from cardscanner.records import Decision
from cardscanner.vitals import Vitals


class Keeping:
    """Scans go into the outbox and into the history, as the scan thread does it."""

    def __init__(self, folder: Path, outbox: Outbox, **limits: Any) -> None:
        self.outbox = outbox
        self.vitals = Vitals()
        self._folder = folder
        self._config = HistoryConfig(**{"keep_free": 0, **limits})
        self._scanned = 0
        self._open()
        self.keeper.step(0)

    def scan(self, count: int, photo: bytes | None = b"jpeg", decision: Decision = "match") -> list[str]:
        """Scan different cards; return the ids of their messages."""
        ids = []
        for _ in range(count):
            self._scanned += 1
            stamp, message = store_message(self.outbox, scan_event(self._scanned, decision), FACTS)
            self.history.add(message, photo)
            ids.append(stamp.id)
        return ids

    def reopen(self) -> None:
        """End in order and begin again."""
        self.history.close()
        self._open()
        self.keeper.step(0)

    def forget(self) -> None:
        """Lose what is only in memory, as a kill does."""
        self._open()

    def close(self) -> None:
        """Close the history."""
        self.history.close()

    def _open(self) -> None:
        self.history = History.open(self._folder / "history.db", self._config, self.outbox)
        self.keeper = HistoryKeeper(
            self.history, self.outbox, self.vitals, self._folder, self._config.keep_free
        )


@contextmanager
def keeping(folder: Path, **limits: Any) -> Iterator[Keeping]:
    """Open both, and close them."""
    outbox = open_outbox(folder)
    outbox._connection.execute("PRAGMA synchronous = OFF")  # what is tested here needs no waiting for disks
    with closing(outbox):
        kept = Keeping(folder, outbox, **limits)
        with closing(kept):
            yield kept
