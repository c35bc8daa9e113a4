"""Ledger: what the outbox knows beyond its file: what has arrived but is not noted there yet, and the totals.

In the file, everything up to one sequence number, the mark, has arrived; of the rows after it those that are
``done``. The newest of what has arrived stays in the file for a while and can be sent again.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable

from cardscanner.publish.acks import Acks
from cardscanner.publish.outbox_check import read_mark, write_mark
from cardscanner.publish.rows import Row

FORGET_ROWS = 20
FORGET_S = 1.0
SPARE_BYTES = 2**20
"""Room that is made in the file when the disk is nearly full; it takes some 700 scans."""
SPARE_ROWS = 200

_LATEST = """
SELECT latest, seq, payload FROM outbox WHERE seq IN (
    SELECT max(seq) FROM outbox WHERE latest IS NOT NULL AND (done = 1 OR seq <= ?) GROUP BY latest
)"""
_ARRIVED = "SELECT seq FROM outbox WHERE seq <= ? AND (seq <= ? OR done = 1)"


class Ledger:
    """The outbox's lock guards it. ``keep_rows`` rows that have arrived stay in the file."""

    def __init__(self, keep_rows: int = 0) -> None:
        self.epoch = ""
        self.last_seq = 0
        self.depth = 0
        self.payload_bytes = 0
        self.mark = 0
        """Everything up to here has arrived, and the file knows it."""
        self.acks = Acks()
        self._keep_rows = keep_rows
        self._drop_rows = keep_rows // 20
        """So many beyond those stay until all of them go at once: each deletion writes whole pages."""
        self._taken: set[int] = set()
        self._taken_since_s = 0.0
        self._newest: dict[str, tuple[int, bytes]] = {}

    def load(self, connection: sqlite3.Connection) -> None:
        """Read the totals of a file just opened; of the same file again, what has arrived is still known."""
        (epoch,) = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        if epoch != self.epoch:
            self.epoch = epoch
            self._taken.clear()
            self._newest.clear()
            self.acks.begin_again()
        last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
        self.last_seq = last[0] if last else 0
        self.mark = read_mark(connection)
        kept = connection.execute(_LATEST, (self.mark,))
        self._newest = {**{topic: (seq, payload) for topic, seq, payload in kept}, **self._newest}
        self._count(connection)

    def added(self, seq: int, size: int) -> None:
        """A row was committed."""
        self.last_seq = seq
        self.depth += 1
        self.payload_bytes += size

    def waits(self, seq: int) -> bool:
        """Tell whether a row that the file holds is still to be sent."""
        return seq not in self._taken and seq not in self.acks

    def take(self, row: Row) -> None:
        """The broker has a row; one from another epoch, or a second time, is no news."""
        if row.epoch != self.epoch or not self.waits(row.seq):
            return
        if row.latest is not None and self._newest.get(row.latest, (0, b""))[0] < row.seq:
            self._newest[row.latest] = (row.seq, row.payload)
        if self.acks.hand(row):
            self._arrived([row])

    def confirm(self, consumer: str, epoch: str, seq: int) -> bool:
        """Take a consumer's word; return whether it means anything here."""
        if epoch != self.epoch or seq > self.last_seq or not self.acks.knows(consumer):
            return False
        self._arrived(self.acks.confirm(consumer, seq))
        return True

    def due(self) -> bool:
        """Tell whether enough has arrived to note it in the file."""
        aged = time.monotonic() - self._taken_since_s >= FORGET_S
        return len(self._taken) >= FORGET_ROWS or (bool(self._taken) and aged)

    @property
    def any_taken(self) -> bool:
        """Whether anything has arrived that the file does not know of."""
        return bool(self._taken)

    def forget(self, connection: sqlite3.Connection) -> None:
        """Note what has arrived, and delete the oldest of it; the newest of each ``latest`` topic stays."""
        mark = self._first_waiting(connection) - 1
        newest = max(mark, max(self._taken, default=0))
        connection.execute("BEGIN IMMEDIATE")
        write_mark(connection, mark)
        connection.executemany(
            "UPDATE outbox SET done = 1, crc = 4294967295 - crc WHERE seq = ? AND done = 0",
            [(seq,) for seq in sorted(self._taken) if seq > mark],
        )
        old = connection.execute(_ARRIVED, (newest - self._keep_rows, mark)).fetchall()
        kept = {seq for seq, _ in self._newest.values()}
        if len(old) > self._drop_rows:
            connection.executemany("DELETE FROM outbox WHERE seq = ?", [r for r in old if r[0] not in kept])
        connection.execute("COMMIT")
        self.mark = mark
        self._taken.clear()

    def spare(self, connection: sqlite3.Connection) -> bool:
        """Delete the oldest rows that have arrived until a reserve of free pages is there."""
        free = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
        size = int(connection.execute("PRAGMA page_size").fetchone()[0])
        if free * size >= SPARE_BYTES:
            return False
        kept = {seq for seq, _ in self._newest.values()}
        old = connection.execute(f"{_ARRIVED} ORDER BY seq LIMIT ?", (self.mark, self.mark, SPARE_ROWS))
        rows = [row for row in old.fetchall() if row[0] not in kept]
        connection.executemany("DELETE FROM outbox WHERE seq = ?", rows)
        return bool(rows)

    def latest(self) -> dict[str, bytes]:
        """Return the newest payload that the broker has, by ``latest`` topic."""
        return {topic: payload for topic, (_, payload) in self._newest.items()}

    def _arrived(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if not self._taken:
                self._taken_since_s = time.monotonic()
            self._taken.add(row.seq)
            self.depth -= 1
            self.payload_bytes -= len(row.payload)

    def _first_waiting(self, connection: sqlite3.Connection) -> int:
        """Return the first number that has not arrived; what is no longer in the file has."""
        waiting = "SELECT seq FROM outbox WHERE done = 0 AND seq > ? ORDER BY seq"
        for (seq,) in connection.execute(waiting, (self.mark,)):
            if seq not in self._taken:
                return int(seq)
        return self.last_seq + 1

    def _count(self, connection: sqlite3.Connection) -> None:
        """Count what waits; before a file's first mark, the first row that waits says where it is."""
        self.depth = self.payload_bytes = 0
        first = self.last_seq + 1
        waiting = "SELECT seq, length(payload) FROM outbox WHERE done = 0 AND seq > ? ORDER BY seq DESC"
        for seq, size in connection.execute(waiting, (self.mark,)):
            first = seq
            if seq not in self._taken:
                self.depth += 1
                self.payload_bytes += size
        self.mark = max(self.mark, first - 1)
