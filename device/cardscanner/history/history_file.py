"""The history's file: made when it is missing, moved aside when it is damaged.

Its journal is the old one, not a log: a page that is appended is then written once instead of twice, and
nearly all that is ever written here is appended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from cardscanner.errors import HistoryFault
from cardscanner.files import move_aside, side_files

log = structlog.get_logger(__name__)

APPLICATION_ID = 0x43534849
SCHEMA_VERSION = 1
PAGE_BYTES = 1024
"""Photos of some 4 KB waste little of their last page, and a batch touches few bytes of old pages."""
_TABLES = (
    """CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    began TEXT NOT NULL,
    epoch TEXT NOT NULL,
    after_seq INTEGER NOT NULL
)""",
    """CREATE TABLE scan (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL,
    epoch TEXT NOT NULL,
    decision TEXT NOT NULL,
    session INTEGER NOT NULL,
    undone INTEGER NOT NULL,
    corrected TEXT,
    card_id TEXT,
    details BLOB NOT NULL,
    photo BLOB
)""",
)
_CREATE = f"""
BEGIN IMMEDIATE;
{"; ".join(_TABLES)};
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
}
_HEADER = b"SQLite format 3\0"


class Damaged(Exception):
    """The file is no history that can be trusted; the text says why."""


def open_file(path: Path, busy_s: float) -> sqlite3.Connection:
    """Open or make a history; a damaged one is moved aside first, which is logged.

    Raises
    ------
    HistoryFault
        It can be neither opened nor made, for a reason that a person can remove.
    """
    with file_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() and any(each.stat().st_size for each in side_files(path)):
            set_aside(path, "the database file is gone, only its journal is there")
        try:
            return _connect(path, busy_s)
        except Damaged as damage:
            set_aside(path, str(damage))
        return _connect(path, busy_s)


def set_aside(path: Path, cause: str) -> None:
    """Keep a damaged file under another name."""
    kept = move_aside(path)
    log.error("history was damaged and moved aside", kept_as=str(kept), cause=cause)


@contextmanager
def file_faults(path: Path) -> Iterator[None]:
    """Translate what SQLite and the file system raise."""
    try:
        yield
    except sqlite3.Error as error:
        raise HistoryFault(
            f"history {path}: {error}: {path.parent} needs free space and must be writable for this user"
        ) from error
    except OSError as error:
        raise HistoryFault(
            f"history {path}: {error.strerror or error}: {path.parent} must be writable for this user"
        ) from error
    except Damaged as damage:
        raise HistoryFault(
            f"history {path}: {damage}: even a new file is damaged; check the disk"
        ) from damage


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether the file itself is to blame; text that cannot be decoded counts as damage."""
    return primary_code(error) in _DAMAGE


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF


def _connect(path: Path, busy_s: float) -> sqlite3.Connection:
    _check_header(path)
    connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error) and is_damage(error):
            raise Damaged(str(error)) from error
        raise
    return connection


def _check_header(path: Path) -> None:
    """Check the bytes that make SQLite take a damaged file for an empty one, or one of another kind."""
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        header = file.read(20)
    if header[:16] != _HEADER or header[18:] != b"\x01\x01":
        raise Damaged("its header is not that of a history")


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = TRUNCATE")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = OFF")  # Debian's default writes each page that becomes free
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if objects == 0:
        connection.executescript(_CREATE)
    _check(connection)


def _check(connection: sqlite3.Connection) -> None:
    """Check what it is; damage inside shows when it is read: half a gigabyte is too much for each start."""
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    if (application, version) != (APPLICATION_ID, SCHEMA_VERSION):
        raise Damaged(
            f"not a history of schema {SCHEMA_VERSION} (application {application}, schema {version})"
        )
    tables = connection.execute("SELECT sql FROM sqlite_schema WHERE type = 'table'")
    if {sql for (sql,) in tables} != set(_TABLES):
        raise Damaged("its tables are not those of a history")
