"""Outbox: the durable queue between scanning and sending.

A scan is done when its row is committed: it then survives a crash, ``kill -9`` and a power cut until a broker
has taken it. What has arrived is noted in batches; a batch that a crash swallows is sent again, with the same
``id`` and ``seq``, and never lost. The newest of it stays in the file, to be sent again on demand.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog
from ulid import ULID

from cardscanner.config import OutboxConfig
from cardscanner.errors import OutboxFault, OutboxFull
from cardscanner.publish.acks import Acks
from cardscanner.publish.clock import boot_id
from cardscanner.publish.doorbell import Doorbell
from cardscanner.publish.ledger import Ledger
from cardscanner.publish.outbox_check import primary_code, row_crc
from cardscanner.publish.outbox_file import copy_file, open_file, storage_faults, written_at_leisure
from cardscanner.publish.rows import Backlog, Compose, Row, Stamp

log = structlog.get_logger(__name__)

_INSERT = (
    "INSERT INTO outbox (seq, id, mono_ms, boot, ts, topic, latest, payload, crc)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_WAITING = "FROM outbox WHERE seq > ? AND done = 0 ORDER BY seq"
_ARRIVED = "FROM outbox WHERE seq BETWEEN ? AND ? AND (seq <= ? OR done = 1) ORDER BY seq"


class Outbox:
    """Rows in, rows out in order, forgotten when delivered. Safe to use from several threads.

    ``replaced`` is where a damaged file was moved (``None``: the file was sound) and ``damage`` what was
    wrong with it; ``bell`` rings after each commit.
    """

    def __init__(self, config: OutboxConfig, busy_s: float) -> None:
        self.bell = Doorbell()
        self.replaced: Path | None = None
        self.damage = ""
        self._config = config
        self._busy_s = busy_s
        self._boot = boot_id()
        self._lock = threading.Lock()
        self._begun_ns: int | None = None
        self._ledger = Ledger(config.keep_delivered)
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    @classmethod
    def open(cls, config: OutboxConfig, *, busy_s: float = 5.0) -> Outbox:
        """Open the file, or make it; a damaged one is moved aside and a new epoch begins.

        One process at a time may have it open; one that is about to end is waited for ``busy_s``.

        Raises
        ------
        OutboxFault
            It can be neither opened nor made; the message says what to do.
        """
        outbox = cls(config, busy_s)
        try:
            with outbox._lock:
                outbox._load()
        except OutboxFault:
            outbox.close()
            raise
        return outbox

    def put(self, topic: str, compose: Compose, *, latest: str | None = None) -> Stamp:
        """Store the message that ``compose`` makes of its stamp; it is on the disk when this returns.

        ``compose`` runs under the outbox's lock and must not call the outbox. The newest delivered message
        with the same ``latest`` topic is kept, see :meth:`latest`.

        Raises
        ------
        OutboxFull
            The cap in rows or bytes is reached: nothing was stored, try again when rows have been sent.
        OutboxFault
            The disk did not take it: nothing was stored, the next call tries the disk again.
        """
        with self._storage() as connection:
            stamp = Stamp(
                self._ledger.last_seq + 1, self.epoch, str(ULID()), time.monotonic_ns(), time.time_ns()
            )
            payload = compose(stamp)
            self._refuse_beyond_cap(len(payload))
            mono_ms, wall_ms = stamp.mono_ns // 1_000_000, stamp.wall_ns // 1_000_000
            row = (stamp.seq, stamp.id, mono_ms, self._boot, wall_ms, topic, latest, payload)
            connection.execute(_INSERT, (*row, row_crc(row)))
            self._ledger.added(stamp.seq, len(payload))
        self.bell.ring()
        return stamp

    def pending(self, after_seq: int, limit: int) -> list[Row]:
        """Return at most ``limit`` rows that are not delivered, with ``seq > after_seq``, in order."""
        rows: list[Row] = []
        with self._storage() as connection:
            found = connection.execute(
                f"SELECT seq, id, topic, latest, payload, attempts {_WAITING}",
                (max(after_seq, self._ledger.mark),),
            )
            for seq, identity, topic, latest, payload, attempts in found:
                if self._ledger.waits(seq):
                    rows.append(Row(seq, self.epoch, identity, topic, latest, payload, attempts))
                if len(rows) == limit:
                    break
            found.close()
        return rows

    def delivered(self, row: Row) -> None:
        """Remember that a row has arrived; the disk learns it later, see :meth:`forget_delivered`."""
        with self._lock:
            self._ledger.take(row)

    def forget_delivered(self, *, now: bool = False) -> bool:
        """Note what has arrived once there are 20 such rows or the oldest is 1 s old, or ``now``.

        Returns
        -------
        bool
            Whether the disk was written.

        Raises
        ------
        OutboxFault
            It could not be; what has arrived is still known and nothing is sent twice because of it.
        """
        with self._lock:
            due = self._ledger.any_taken if now else self._ledger.due()
        if due:
            with self._storage() as connection, written_at_leisure(connection):
                self._ledger.forget(connection)
        return due

    def spare_room(self) -> bool:
        """Let the oldest messages go that have arrived, as the disk is nearly full; return whether any did.

        Room in the file is room for new rows even when the disk has none: it then needs not grow.

        Raises
        ------
        OutboxFault
            The disk did not even take that.
        """
        with self._storage() as connection:
            return self._shed(connection)

    def await_acks(self, consumers: Sequence[str]) -> None:
        """From now on a row has arrived only when each of these consumers has confirmed it."""
        with self._lock:
            self._ledger.acks = Acks(consumers)

    def confirmed(self, consumer: str, epoch: str, seq: int) -> bool:
        """A consumer has everything up to ``seq``; return whether that means anything here."""
        with self._lock:
            return self._ledger.confirm(consumer, epoch, seq)

    def take_back_unconfirmed(self) -> bool:
        """Let rows wait again that no consumer has confirmed for too long; return whether there are any."""
        with self._lock:
            return self._ledger.acks.take_back()

    def arrived(self, from_seq: int, to_seq: int, limit: int) -> list[Row]:
        """Return rows of a range that have arrived and that the file still holds, in order."""
        with self._storage() as connection:
            found = connection.execute(
                f"SELECT seq, id, topic, latest, payload, attempts {_ARRIVED} LIMIT ?",
                (from_seq, to_seq, self._ledger.mark, limit),
            ).fetchall()
        return [Row(seq, self.epoch, *rest) for seq, *rest in found]

    def held(self, from_seq: int, limit: int) -> list[Row]:
        """Return rows that the file holds, whether or not they have arrived, in order."""
        with self._storage() as connection:
            found = connection.execute(
                "SELECT seq, id, topic, latest, payload, attempts FROM outbox WHERE seq >= ?"
                " ORDER BY seq LIMIT ?",
                (from_seq, limit),
            ).fetchall()
        return [Row(seq, self.epoch, *rest) for seq, *rest in found]

    def survey(self, from_seq: int, to_seq: int) -> tuple[list[int], list[int]]:
        """Return which numbers of a range have arrived and are still held, and which wait."""
        with self._storage() as connection:
            found = connection.execute(
                "SELECT seq, seq <= ? OR done = 1 FROM outbox WHERE seq BETWEEN ? AND ? ORDER BY seq",
                (self._ledger.mark, from_seq, to_seq),
            ).fetchall()
        return [seq for seq, arrived in found if arrived], [seq for seq, arrived in found if not arrived]

    def find(self, identity: str) -> bytes | None:
        """Return the message with this id, if the file holds it."""
        with self._storage() as connection:
            found = connection.execute("SELECT payload FROM outbox WHERE id = ?", (identity,)).fetchone()
        return None if found is None else bytes(found[0])

    def copy_to(self, path: Path) -> None:
        """Write a consistent copy, with an epoch of its own: what is stored in it gets new numbers.

        Storing waits meanwhile.
        """
        with self._storage() as connection:
            copy_file(connection, path)

    def tried_in_vain(self, seqs: Sequence[int]) -> None:
        """Count an attempt for rows that were sent and did not arrive."""
        with self._storage() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "UPDATE outbox SET attempts = attempts + 1 WHERE seq = ?", [(seq,) for seq in seqs]
            )
            connection.execute("COMMIT")

    def latest(self) -> dict[str, bytes]:
        """Return the newest delivered payload of each ``latest`` topic, also after a restart."""
        with self._lock:
            return self._ledger.latest()

    def backlog(self) -> Backlog:
        """Return how much waits and since when.

        The age is ``None`` when nothing waits, or when the file cannot be read just now (whoever puts or
        sends gets that fault). Rows from before a reboot are aged by the wall clock.
        """
        oldest_age_s: float | None = None
        with suppress(OutboxFault), self._storage() as connection:
            oldest_age_s = self._oldest_age_s(connection)
        return Backlog(self._ledger.depth, self._ledger.payload_bytes, oldest_age_s)

    @property
    def epoch(self) -> str:
        """The epoch of the file in use."""
        return self._ledger.epoch

    @property
    def last_seq(self) -> int:
        """Sequence number of the newest row ever stored in this epoch."""
        return self._ledger.last_seq

    @property
    def depth(self) -> int:
        """Number of rows that wait, be it for a broker or for a consumer's word."""
        return self._ledger.depth

    @property
    def unacknowledged(self) -> int:
        """Number of rows that the broker has and a consumer has not confirmed."""
        return len(self._ledger.acks)

    @property
    def busy_s(self) -> float:
        """For how long the disk has been at work on one thing; 0 when it is idle. Never waits."""
        begun_ns = self._begun_ns
        return 0.0 if begun_ns is None else (time.monotonic_ns() - begun_ns) / 1e9

    def close(self) -> None:
        """Delete what has arrived, if the disk lets us, and close the file; safe to call twice."""
        with suppress(OutboxFault):
            self.forget_delivered(now=True)
        with self._lock:
            self._closed = True
            self._drop()
        self.bell.close()

    @contextmanager
    def _storage(self) -> Iterator[sqlite3.Connection]:
        """Lock, open again if a fault closed the file, and translate what goes wrong."""
        with self._lock:
            if self._closed:
                raise OutboxFault(f"outbox {self._config.path}: it is closed")
            self._begun_ns = time.monotonic_ns()
            try:
                connection = self._connection or self._load()
                with storage_faults(self._config.path):
                    try:
                        yield connection
                    except sqlite3.Error as error:
                        self._recover(connection, error)
                        raise
            finally:
                self._begun_ns = None

    def _load(self) -> sqlite3.Connection:
        connection, replaced, damage = open_file(self._config.path, self._busy_s)
        if replaced is not None:
            self.replaced, self.damage = replaced, damage
            log.error("outbox was damaged and moved aside", kept_as=str(replaced), cause=damage)
        with storage_faults(self._config.path):
            try:
                self._ledger.load(connection)
            except sqlite3.Error:
                connection.close()
                raise
        self._connection = connection
        return connection

    def _oldest_age_s(self, connection: sqlite3.Connection) -> float | None:
        found = connection.execute(f"SELECT seq, mono_ms, boot, ts {_WAITING}", (self._ledger.mark,))
        for seq, mono_ms, boot, wall_ms in found:
            if self._ledger.waits(seq):
                same_boot = boot == self._boot
                age_ms = time.monotonic() * 1000 - mono_ms if same_boot else time.time() * 1000 - wall_ms
                return max(0.0, float(age_ms) / 1000)
        return None

    def _refuse_beyond_cap(self, more_bytes: int) -> None:
        cap, ledger = self._config, self._ledger
        if ledger.depth + 1 > cap.max_rows or ledger.payload_bytes + more_bytes > cap.max_bytes:
            raise OutboxFull(
                f"outbox {cap.path}: {ledger.depth} messages with {ledger.payload_bytes} bytes wait, the cap "
                f"is {cap.max_rows} messages or {cap.max_bytes} bytes: bring the broker back, or raise "
                "outbox.max_rows or outbox.max_bytes"
            )

    def _recover(self, connection: sqlite3.Connection, error: sqlite3.Error) -> None:
        """Undo the transaction; unless the disk was only full or busy, open the file anew next time."""
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if primary_code(error) == sqlite3.SQLITE_FULL:
            self._make_room(connection)
        elif primary_code(error) != sqlite3.SQLITE_BUSY:
            self._drop()

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Let the log begin anew and delivered rows go, so that the next call may find room."""
        with suppress(sqlite3.Error):
            self._shed(connection)

    def _shed(self, connection: sqlite3.Connection) -> bool:
        """The log keeps its size: what it has of the disk is all that a full one leaves us."""
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        shed = self._ledger.spare(connection)
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        return shed

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
