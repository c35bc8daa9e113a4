"""What an outbox file is, and whether one can be trusted, down to the bytes of its messages."""

from __future__ import annotations

import fcntl
import sqlite3
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

APPLICATION_ID = 0x43534F42
SCHEMA_VERSION = 1
# No index on id: a ULID is unique by the way it is made, and an index would cost each scan 1 KiB of SD wear.
_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    mono_ms INTEGER NOT NULL,
    boot TEXT NOT NULL,
    ts INTEGER NOT NULL,
    topic TEXT NOT NULL,
    latest TEXT,
    payload BLOB NOT NULL,
    crc INTEGER NOT NULL
)""",
)
CREATE = f"""
PRAGMA page_size = 512;
PRAGMA journal_mode = OFF;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
{"; ".join(_TABLES)};
"""

_BROKEN_ROW = """
SELECT seq FROM outbox
WHERE NOT intact(seq, id, mono_ms, boot, ts, topic, latest, payload, crc, done, attempts) LIMIT 1
"""
_NUMBERS = (
    "SELECT (SELECT max(seq) FROM outbox), (SELECT max(seq) FROM sqlite_sequence WHERE name = 'outbox')"
)
_DONE = 0xFFFFFFFF
_READ_LOCK_AT, _READ_LOCK_BYTES = 0x40000002, 510
"""Where SQLite's readers lock a database; part of its file format."""


class Damaged(Exception):
    """The file is not an outbox that can be trusted; the text says why."""


def is_in_use(path: Path) -> bool:
    """Tell whether another process has the outbox open.

    Asks for SQLite's read lock itself: opening the database would leave side files, or repair something.
    Nobody in this process may have the file open: closing it again would take away their lock.
    """
    try:
        with path.open("rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, _READ_LOCK_BYTES, _READ_LOCK_AT)
    except BlockingIOError:
        return True
    except OSError:  # missing, or not ours to read: whoever opens it in earnest says so
        return False
    return False


def check_header(path: Path) -> None:
    """Check the bytes that make SQLite take a damaged file for one that may not be written.

    Nobody in this process may have the file open: closing it again would take away their lock.
    """
    with path.open("rb") as file:
        versions = file.read(20)[18:]
    if versions not in {b"\x01\x01", b"\x02\x02"}:
        raise Damaged(f"its header names file format {list(versions)}")


def check(connection: sqlite3.Connection) -> None:
    """Read the whole file and change nothing.

    Raises
    ------
    Damaged
        It is no outbox of this version, or not what was written.
    sqlite3.Error
        It is no database, or cannot be read.
    """
    try:
        _check_kind(connection)
        _check_rows(connection)
    except UnicodeDecodeError as error:  # the text of SQLite's own complaint quotes a damaged name
        raise Damaged(f"damaged names: {error}") from error
    except MemoryError as error:  # a damaged length; a sound file is read row by row
        raise Damaged("it claims sizes beyond this machine's memory") from error
    except sqlite3.OperationalError as error:
        if primary_code(error) == sqlite3.SQLITE_ERROR:  # no such table or column, or text that is none
            raise Damaged(str(error)) from error
        raise


def read_mark(connection: sqlite3.Connection) -> int:
    """Return the sequence number up to which everything has arrived; 0 in a file that does not say.

    Raises
    ------
    Damaged
        It is not what was written: rows that wait could be taken for delivered ones.
    """
    found = connection.execute("SELECT value FROM meta WHERE key = 'arrived'").fetchone()
    if found is None:
        return 0
    number, _, checksum = str(found[0]).partition(" ")
    if not number.isdecimal() or checksum != f"{zlib.crc32(number.encode()):08x}":
        raise Damaged(f"the mark of what has arrived is not what was stored: {found[0]!r}")
    return int(number)


def write_mark(connection: sqlite3.Connection, mark: int) -> None:
    """Store what :func:`read_mark` returns."""
    text = f"{mark} {zlib.crc32(str(mark).encode()):08x}"
    # An update leaves the index of the keys alone: half as many pages as replacing the row.
    if not connection.execute("UPDATE meta SET value = ? WHERE key = 'arrived'", (text,)).rowcount:
        connection.execute("INSERT INTO meta VALUES ('arrived', ?)", (text,))


def row_crc(values: Sequence[object], *, done: bool = False) -> int:
    """Return the checksum of a row's fixed columns, which is another one when it is done."""
    parts = [value if isinstance(value, bytes) else repr(value).encode() for value in values]
    return zlib.crc32(b"\0".join(parts)) ^ (_DONE if done else 0)


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; text that cannot be decoded counts as corruption."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF


def _check_kind(connection: sqlite3.Connection) -> None:
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    if (application, version) != (APPLICATION_ID, SCHEMA_VERSION):
        raise Damaged(
            f"not an outbox of schema {SCHEMA_VERSION} (application {application}, schema {version})"
        )
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise Damaged(str(found))
    tables = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )
    if {sql for (sql,) in tables} != set(_TABLES):
        raise Damaged("its tables are not those of an outbox")


def _check_rows(connection: sqlite3.Connection) -> None:
    """Find what SQLite's own check cannot see: changed bytes inside a value."""
    connection.create_function("intact", 11, _intact, deterministic=True)
    broken = connection.execute(_BROKEN_ROW).fetchone()
    if broken is not None:
        raise Damaged(f"row {broken[0]} is not what was stored")
    newest, counter = connection.execute(_NUMBERS).fetchone()
    if (newest or 0) > (counter or 0):
        raise Damaged(f"its counter {counter} is behind row {newest}")
    if connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone() is None:
        raise Damaged("it has no epoch")
    if read_mark(connection) > (counter or 0):
        raise Damaged("it says that more has arrived than was ever stored")


def _intact(*columns: Any) -> bool:
    *values, crc, done, attempts = columns
    typed = done in {0, 1} and isinstance(attempts, int) and isinstance(values[-1], bytes)
    return typed and crc == row_crc(values, done=bool(done))
