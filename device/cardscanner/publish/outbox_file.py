"""The outbox's file: made whole or not at all, checked when opened, moved aside when it is damaged.

Pages have 512 bytes because an SD card wears by bytes written and each commit writes whole pages
(``python -m cardscanner_tools.bench_outbox``). The file is locked for one process: a second daemon on the
same outbox would send everything twice.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cardscanner.errors import OutboxBusy, OutboxFault
from cardscanner.files import move_aside, replacing, side_files
from cardscanner.publish.outbox_check import CREATE, Damaged, check, check_header, primary_code

_DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_MISMATCH,
}


def open_file(path: Path, busy_s: float) -> tuple[sqlite3.Connection, Path | None, str]:
    """Open or create an outbox file; wait ``busy_s`` for another process that is about to let go of it.

    Returns
    -------
    connection
        In autocommit mode; may be used from any thread, one at a time.
    replaced
        Where a damaged file was moved, or ``None``.
    cause
        What was wrong with it, or an empty text.

    Raises
    ------
    OutboxBusy
        Another process did not let go of it.
    OutboxFault
        The file cannot be opened or created, for a reason that a person can remove.
    """
    with storage_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        replaced, cause = None, ""
        if not path.exists() and side_files(path):
            replaced, cause = move_aside(path), "the database file is gone, only its log is there"
        if path.exists():
            try:
                check_header(path)
                return _connect(path, busy_s), None, ""
            except Damaged as damage:
                replaced, cause = move_aside(path), str(damage)
        _create(path)
        return _connect(path, busy_s), replaced, cause


@contextmanager
def storage_faults(path: Path) -> Iterator[None]:
    """Translate what SQLite and the file system raise into :class:`OutboxFault` with a fix."""
    try:
        yield
    except sqlite3.Error as error:
        code = primary_code(error)
        kind = OutboxBusy if code == sqlite3.SQLITE_BUSY else OutboxFault
        raise kind(f"outbox {path}: {error}: {_fix(code, path)}") from error
    except OSError as error:
        raise OutboxFault(
            f"outbox {path}: {error.strerror or error}: "
            f"the folder {path.parent} needs free space and must be writable for this user"
        ) from error
    except Damaged as damage:
        raise OutboxFault(f"outbox {path}: {damage}: even a new file is damaged; check the disk") from damage


@contextmanager
def written_at_leisure(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit without waiting for the disk: with the next commit that does, or when the kernel finds time.

    For what has arrived: a crash or ``kill -9`` does not lose it, and after a power cut it is sent again. A
    scan then costs one wait and one share of a page of the disk instead of two.
    """
    connection.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous = FULL")


def _fix(code: int, path: Path) -> str:
    fixes = {
        sqlite3.SQLITE_FULL: f"free space on the disk of {path.parent}; scans are refused until then",
        sqlite3.SQLITE_IOERR: f"the disk of {path.parent} needs space, must be sound and not read-only",
        sqlite3.SQLITE_READONLY: f"make {path} and its folder writable for this user",
        sqlite3.SQLITE_CANTOPEN: f"{path.parent} must be a folder in which this user may write",
        sqlite3.SQLITE_BUSY: "another process uses it; is a second cardscanner running?",
        sqlite3.SQLITE_PERM: f"make {path} and its folder writable for this user",
    }
    return fixes.get(code, f"check the disk of {path.parent}; the file is checked again at the next use")


def _create(path: Path) -> None:
    """Write a complete, empty outbox and put it in place in one step; every one has its own epoch."""
    with replacing(path) as temporary:
        temporary.unlink(missing_ok=True)
        connection = sqlite3.connect(temporary, isolation_level=None)
        try:
            connection.executescript(CREATE)
            connection.execute("INSERT INTO meta VALUES ('epoch', ?)", (secrets.token_hex(4),))
        finally:
            connection.close()


def copy_file(connection: sqlite3.Connection, path: Path) -> None:
    """Copy an open outbox into a new file. The copy begins an epoch: its numbers may be given out again."""
    target = sqlite3.connect(path, isolation_level=None)
    try:
        connection.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
        target.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (secrets.token_hex(4),))
    finally:
        target.close()


def _connect(path: Path, busy_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=busy_s,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        _prepare(connection)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error) and primary_code(error) in _DAMAGE:
            raise Damaged(str(error)) from error
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    # Locked before the first look at the log: SQLite then keeps its index in memory and needs no -shm file,
    # which a full disk could not hold.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    check(connection)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = OFF")  # Debian's default writes each page that becomes free
    connection.execute("PRAGMA wal_autocheckpoint = 8192")  # 4 MiB: a page rewritten often is copied once
    connection.execute("PRAGMA journal_size_limit = 8388608")
