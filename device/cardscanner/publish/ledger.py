"""Ledger: what the outbox knows beyond its file: what has arrived but is not deleted yet, and the totals."""

from __future__ import annotations

import sqlite3
import time

from cardscanner.publish.rows import Row

FORGET_ROWS = 20
FORGET_S = 1.0


class Ledger:
    """Not safe for several threads; the outbox's lock guards it."""

    def __init__(self) -> None:
        self.epoch = ""
        self.last_seq = 0
        self.depth = 0
        self.payload_bytes = 0
        self._taken: set[int] = set()
        self._taken_since_s = 0.0
        self._kept: dict[str, tuple[int, bytes]] = {}
        self._newest: dict[str, tuple[int, bytes]] = {}

    def load(self, connection: sqlite3.Connection) -> None:
        """Read the totals of a file just opened; of the same file again, what has arrived is still known."""
        (epoch,) = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        if epoch != self.epoch:
            self.epoch = epoch
            self._taken.clear()
            self._newest.clear()
        last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
        self.last_seq = last[0] if last else 0
        done = connection.execute("SELECT latest, seq, payload FROM outbox WHERE done = 1 ORDER BY seq")
        self._kept = {topic: (seq, payload) for topic, seq, payload in done}
        self._newest = {**self._kept, **self._newest}
        self.depth = self.payload_bytes = 0
        for seq, size in connection.execute("SELECT seq, length(payload) FROM outbox WHERE done = 0"):
            if seq not in self._taken:
                self.depth += 1
                self.payload_bytes += size

    def added(self, seq: int, size: int) -> None:
        """A row was committed."""
        self.last_seq = seq
        self.depth += 1
        self.payload_bytes += size

    def waits(self, seq: int) -> bool:
        """Tell whether a row that the file holds has not arrived yet."""
        return seq not in self._taken

    def take(self, row: Row) -> None:
        """A row has arrived; one from another epoch, or a second time, is no news."""
        if row.epoch != self.epoch or row.seq in self._taken:
            return
        if not self._taken:
            self._taken_since_s = time.monotonic()
        self._taken.add(row.seq)
        self.depth -= 1
        self.payload_bytes -= len(row.payload)
        if row.latest is not None and self._newest.get(row.latest, (0, b""))[0] < row.seq:
            self._newest[row.latest] = (row.seq, row.payload)

    def due(self) -> bool:
        """Tell whether enough has arrived to delete it from the file."""
        aged = time.monotonic() - self._taken_since_s >= FORGET_S
        return len(self._taken) >= FORGET_ROWS or (bool(self._taken) and aged)

    @property
    def any_taken(self) -> bool:
        """Whether anything has arrived that the file still holds."""
        return bool(self._taken)

    def forget(self, connection: sqlite3.Connection) -> None:
        """Delete what has arrived; the newest row of each ``latest`` topic stays in the file, as done."""
        keep = {seq for seq, _ in self._newest.values()}
        stale = {seq for seq, _ in self._kept.values()} - keep
        gone = sorted((self._taken - keep) | stale)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("DELETE FROM outbox WHERE seq = ?", [(seq,) for seq in gone])
        connection.executemany(
            "UPDATE outbox SET done = 1, crc = 4294967295 - crc WHERE seq = ? AND done = 0",
            [(seq,) for seq in sorted(self._taken & keep)],
        )
        connection.execute("COMMIT")
        self._taken.clear()
        self._kept = dict(self._newest)

    def latest(self) -> dict[str, bytes]:
        """Return the newest payload that has arrived, by ``latest`` topic."""
        return {topic: payload for topic, (_, payload) in self._newest.items()}
