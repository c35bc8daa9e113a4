"""History: every decided card with a small photo, for the page and for export.

The outbox is where a scan becomes durable; the history follows it in batches, five minutes behind at most, so
that a day of scanning costs few bytes of the SD card's life. What a kill takes from memory is read from the
outbox at the next start, all but the photos. It never blocks the scan thread, and never fails it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from cardscanner.config import HistoryConfig
from cardscanner.errors import CommandRefused, HistoryFault
from cardscanner.history import store
from cardscanner.history.entry import Counts, Entry, Session, read_scan
from cardscanner.history.fresh import MOST_SCANS, Fresh, worded
from cardscanner.history.history_file import PAGE_BYTES, file_faults, is_damage, open_file, set_aside
from cardscanner.history.quota import limit_pages, make_room, shrink, used_bytes
from cardscanner.history.sessions import Sessions
from cardscanner.history.store import Word
from cardscanner.history.tally import Tally
from cardscanner.publish import Outbox

log = structlog.get_logger(__name__)

Listener = Callable[[str, Entry], None]
"""Called with ``scan``, ``undone``, ``redone`` or ``corrected`` and the entry, in the history's thread."""

WRITE_AFTER_S = 300.0
WRITE_SCANS = 64
"""When a batch is written: each one costs some 25 KB, however little is in it."""
_BUSY_S = 2.0
_MOST_NEWS = 1000


class History:
    """Safe to use from several threads; somebody has to run its own, see :mod:`history.keeping`."""

    def __init__(self, path: Path, config: HistoryConfig, outbox: Outbox) -> None:
        self.wake = threading.Event()
        """Set when there is something to tell or to write."""
        self.behind = False
        """Whether scans have to be taken from the outbox."""
        self.wants_photos = config.photos
        """Whether photos are kept; not while the disk is nearly full."""
        self._path = path
        self._max_bytes = config.max_bytes
        self._outbox = outbox
        self._inbox: deque[tuple[bytes, bytes | None]] = deque()
        """The scan thread only ever touches this: it waits for no lock."""
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._fresh = Fresh()
        self._sessions = Sessions()
        self._tallies: dict[int | None, Tally] = {}
        self._listeners: list[Listener] = []
        self._news: deque[tuple[str, Entry]] = deque(maxlen=_MOST_NEWS)
        self._closed = False
        self.stored_bytes = 0
        """Size of the file."""
        self.stored_scans = 0
        """How many scans are in it."""

    @classmethod
    def open(cls, path: Path, config: HistoryConfig, outbox: Outbox) -> History:
        """Open or make the file; where the disk does not let us, that is tried again by whoever needs it."""
        history = cls(path, config, outbox)
        try:
            with history._storage():
                pass
        except HistoryFault as fault:
            log.warning("the history cannot be opened; it is tried again", error=str(fault))
        history._sessions.begin_first(outbox)
        return history

    def add(self, scan: bytes, photo: bytes | None) -> None:
        """Take a stored scan message in, with its card as JPEG; quick, and never fails."""
        if len(self._inbox) >= MOST_SCANS:
            self.behind = True
        else:
            self._inbox.append((scan, photo if self.wants_photos else None))
        self.wake.set()

    def catch_up(self, scans: Sequence[bytes]) -> None:
        """Take scans in that the outbox holds, as far as they are not known, and write them.

        Raises
        ------
        HistoryFault
            The disk did not take them.
        """
        with self._storage() as connection:
            for scan in scans:
                entry = self._read(scan, None)
                if self._find(connection, entry.id) is None:
                    self._take(entry, None)
        self.write()

    def newest_seq(self, epoch: str) -> int:
        """Return the number of the newest message of an epoch that is known; 0: none."""
        with self._storage() as connection:
            return max(self._fresh.newest_seq(epoch), store.newest_seq(connection, epoch))

    def page(self, before: str | None, limit: int, session: int | None = None) -> list[Entry]:
        """Return scans, newest first: those before the scan ``before``, or the newest.

        Raises
        ------
        HistoryFault
            The disk cannot be read.
        """
        with self._storage() as connection:
            fresh = self._fresh.newest_first(before, session)[:limit]
            if len(fresh) == limit:
                return fresh
            on_disk = before if before is not None and self._fresh.find(before) is None else None
            older = store.read_page(connection, on_disk, limit - len(fresh), session)
            return fresh + [self._fresh.as_said(entry) for entry in older]

    def entry(self, identity: str) -> Entry | None:
        """Return a scan, or ``None``."""
        with self._storage() as connection:
            return self._find(connection, identity)

    def photo(self, identity: str) -> bytes | None:
        """Return the card of a scan as JPEG, or ``None``."""
        with self._storage() as connection:
            waiting = self._fresh.find(identity)
            return store.read_photo(connection, identity) if waiting is None else waiting.photo

    def undo(self, identity: str) -> Entry:
        """Let a scan count no more.

        Raises
        ------
        CommandRefused
            It is not known (any more).
        """
        return self._say(identity, Word(undone=True), "undone")

    def redo(self, identity: str) -> Entry:
        """Let a scan count again that was undone; raises as :meth:`undo`."""
        return self._say(identity, Word(undone=False), "redone")

    def corrected(self, identity: str, card_id: str) -> Entry:
        """Note which card a person says it was; raises as :meth:`undo`."""
        return self._say(identity, Word(corrected=card_id), "corrected")

    def last(self) -> Entry | None:
        """Return the newest scan that is not undone, or ``None``."""
        before = None
        while batch := self.page(before, 50):
            for entry in batch:
                if not entry.undone:
                    return entry
            before = batch[-1].id
        return None

    def sessions(self) -> list[Session]:
        """Return every session, oldest first; the last one is current."""
        with self._lock:
            return self._sessions.all()

    def begin_session(self, name: str) -> Session:
        """Begin a session: what is scanned from now on belongs to it. Without a name it gets its number."""
        with self._lock:
            session = self._sessions.begin(name, self._outbox.epoch, self._outbox.last_seq)
        self._write_soon()
        return session

    def counts(self, session: int | None = None) -> Counts:
        """Return how many scans there are of a session, or of everything that is kept."""
        with self._storage() as connection:
            tally = self._tallies.get(session)
            if tally is None:
                tally = self._tallies[session] = Tally(store.read_tally(connection, session))
                scans, words = self._fresh.load()
                for identity, word in words.items():
                    entry = store.read_entry(connection, identity)
                    if entry is not None and session in (None, entry.session):
                        tally.change(entry, worded(entry, word))
                for each in scans:
                    if session in (None, each.entry.session):
                        tally.add(each.entry)
            return tally.counts()

    def export_rows(self, session: int | None = None) -> Iterator[Entry]:
        """Return every scan that is kept, oldest first."""
        self.write()
        after_n: int | None = 0
        while after_n is not None:
            with self._storage() as connection:
                entries, after_n = store.read_on(connection, after_n, session)
                entries = [self._fresh.as_said(entry) for entry in entries]
            yield from entries

    def listen(self, callback: Listener) -> Callable[[], None]:
        """Call back for each change, from the history's thread: be quick. Return how to stop that."""
        with self._lock:
            self._listeners.append(callback)

        def stop() -> None:
            with self._lock:
                if callback in self._listeners:
                    self._listeners.remove(callback)

        return stop

    def tell(self) -> None:
        """Tell the listeners what is new; the history's thread calls this."""
        while True:
            with self._lock:
                self._take_in()
                if not self._news:
                    return
                news, listeners = self._news.popleft(), list(self._listeners)
            for listener in listeners:
                listener(*news)

    def write(self) -> bool:
        """Bring everything that waits to the disk; return whether there was anything.

        Raises
        ------
        HistoryFault
            The disk did not take it: it waits on.
        """
        with self._storage() as connection:
            scans, words = self._fresh.load()
            sessions = self._sessions.unwritten()
            if not (scans or words or sessions):
                return False
            size = sum(len(each.photo or b"") + 2 * PAGE_BYTES for each in scans)
            room_made = make_room(connection, self._max_bytes, size)
            if room_made:
                self._tallies.clear()
            connection.execute("BEGIN IMMEDIATE")
            store.write_sessions(connection, sessions)
            for each in scans:
                store.write_scan(connection, each.entry, each.photo)
            for identity, word in words.items():
                store.write_word(connection, identity, word)
            connection.execute("COMMIT")
            self.stored_bytes = used_bytes(connection)
            self.stored_scans = store.count(connection) if room_made else self.stored_scans + len(scans)
            self._fresh.written()
            self._sessions.written(sessions)
        return True

    def shrink(self) -> None:
        """Make the file smaller if its quota was lowered."""
        with self._storage() as connection:
            if shrink(connection, self._max_bytes):
                self._begin(connection)

    @property
    def due(self) -> bool:
        """Whether it is time to write: enough waits, or something has waited for long enough."""
        since_s = self._fresh.since_s
        return len(self._fresh) + len(self._inbox) >= WRITE_SCANS or (
            since_s is not None and time.monotonic() - since_s >= WRITE_AFTER_S
        )

    def give_up_photos(self) -> int:
        """Let the photos go that wait for the disk; return how many there were."""
        with self._lock:
            return self._fresh.give_up_photos()

    def close(self) -> None:
        """Write what waits, if the disk lets us, and close the file; safe to call twice."""
        if not self._closed:
            try:
                self.write()
            except HistoryFault as fault:
                log.error(
                    "the newest scans are not in the history yet; the outbox has them", error=str(fault)
                )
        with self._lock:
            self._closed = True
            self._drop()

    def _take_in(self) -> None:
        """Empty the inbox; beyond what memory may hold, scans are taken from the outbox later."""
        while self._inbox:
            scan, photo = self._inbox.popleft()
            entry = self._read(scan, photo)
            self.behind = self.behind or self._fresh.full
            if not self.behind:
                entry = self._take(entry, photo)
            self._news.append(("scan", entry))

    def _read(self, scan: bytes, photo: bytes | None) -> Entry:
        return read_scan(scan, self._sessions.of, has_photo=photo is not None)

    def _take(self, entry: Entry, photo: bytes | None) -> Entry:
        entry = self._fresh.add(entry, photo)
        for session in (None, entry.session):
            if session in self._tallies:
                self._tallies[session].add(entry)
        return entry

    def _say(self, identity: str, word: Word, news: str) -> Entry:
        with self._storage() as connection:
            before = self._find(connection, identity)
            if before is None:
                raise CommandRefused("not_found", f"scan {identity} is not known (any more)")
            after = worded(before, word)
            if after == before:
                return after
            self._fresh.say(identity, word)
            for session in (None, after.session):
                if session in self._tallies:
                    self._tallies[session].change(before, after)
            self._news.append((news, after))
        self._write_soon()
        return after

    def _write_soon(self) -> None:
        """Write what a person did at once; what the disk refuses now is written later."""
        try:
            self.write()
        except HistoryFault as fault:
            log.warning("the history is written later", error=str(fault))
        self.wake.set()

    def _find(self, connection: sqlite3.Connection, identity: str) -> Entry | None:
        waiting = self._fresh.find(identity)
        if waiting is not None:
            return waiting.entry
        entry = store.read_entry(connection, identity)
        return None if entry is None else self._fresh.as_said(entry)

    @contextmanager
    def _storage(self) -> Iterator[sqlite3.Connection]:
        """Lock the file, open it again if a fault closed it, and translate what goes wrong."""
        with self._lock:
            if self._closed:
                raise HistoryFault(f"history {self._path}: it is closed")
            connection = self._connection or self._load()
            self._take_in()
            with file_faults(self._path):
                try:
                    yield connection
                except sqlite3.Error as error:
                    self._recover(connection, error)
                    raise

    def _load(self) -> sqlite3.Connection:
        with file_faults(self._path):
            try:
                return self._begin(open_file(self._path, _BUSY_S))
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                set_aside(self._path, str(error))
                self.behind = True
            return self._begin(open_file(self._path, _BUSY_S))

    def _begin(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """Read what memory has to know of a file just opened."""
        try:
            limit_pages(connection, self._max_bytes)
            self.stored_bytes, self.stored_scans = used_bytes(connection), store.count(connection)
            self._sessions.load(store.read_sessions(connection))
        except sqlite3.Error:
            connection.close()
            raise
        self._tallies.clear()
        self._connection = connection
        return connection

    def _recover(self, connection: sqlite3.Connection, error: sqlite3.Error) -> None:
        """Undo the transaction; after damage the next call begins a new file."""
        if connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except sqlite3.Error:
                self._drop()
        if is_damage(error):
            self._drop()
            set_aside(self._path, str(error))
            self.behind = True

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
