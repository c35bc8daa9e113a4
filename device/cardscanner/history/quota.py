"""How large the history's file may grow: the oldest photos go first, then the oldest scans."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

_SIDE_SHARE = 16
"""One part in so many is left for the journal."""
_SLACK_PAGES = 64
_DROPS = (
    "UPDATE scan SET photo = NULL WHERE n IN (SELECT n FROM scan WHERE photo IS NOT NULL ORDER BY n LIMIT ?)",
    "DELETE FROM scan WHERE n IN (SELECT n FROM scan ORDER BY n LIMIT ?)",
)
_AT_ONCE = 64
"""Photos or scans that go at a time: rarely, for each deletion touches old pages."""


def limit_pages(connection: sqlite3.Connection, max_bytes: int) -> None:
    """Let SQLite itself refuse to grow beyond the quota."""
    connection.execute(f"PRAGMA max_page_count = {_most_pages(connection, max_bytes)}")


def make_room(connection: sqlite3.Connection, max_bytes: int, more_bytes: int) -> bool:
    """Delete the oldest until ``more_bytes`` fit; return whether anything had to go."""
    went = False
    while _used_pages(connection) + more_bytes // _number(
        connection, "page_size"
    ) + _SLACK_PAGES > _most_pages(connection, max_bytes):
        if not _drop_oldest(connection):
            break
        went = True
    return went


def shrink(connection: sqlite3.Connection, max_bytes: int) -> bool:
    """Make a file smaller that is larger than its quota, which was lowered; return whether it was."""
    if used_bytes(connection) <= max_bytes:
        return False
    make_room(connection, max_bytes, 0)
    with suppress(sqlite3.Error):  # no room for the copy: it stays large until there is
        connection.execute("VACUUM")
    limit_pages(connection, max_bytes)
    return True


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return the size of the file."""
    return _number(connection, "page_count") * _number(connection, "page_size")


def _most_pages(connection: sqlite3.Connection, max_bytes: int) -> int:
    return (max_bytes - max_bytes // _SIDE_SHARE) // _number(connection, "page_size")


def _used_pages(connection: sqlite3.Connection) -> int:
    return _number(connection, "page_count") - _number(connection, "freelist_count")


def _drop_oldest(connection: sqlite3.Connection) -> bool:
    """Delete some photos, or scans when there is no photo; return whether there was anything."""
    return any(connection.execute(delete, (_AT_ONCE,)).rowcount > 0 for delete in _DROPS)


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
