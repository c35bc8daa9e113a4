"""What is asked of the history's file and written to it. The caller holds the lock and translates errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from cardscanner.history.entry import Entry, Session, pack, unpack
from cardscanner.history.history_file import file_faults

log = structlog.get_logger(__name__)

_COLUMNS = "id, seq, epoch, decision, session, undone, corrected, photo IS NOT NULL, details"
_ENTRY = f"SELECT {_COLUMNS} FROM scan WHERE id = ?"  # noqa: S608 - all of it is in this file
_PAGE = f"""
SELECT {_COLUMNS} FROM scan
WHERE (?1 IS NULL OR n < (SELECT n FROM scan WHERE id = ?1)) AND (?2 IS NULL OR session = ?2)
ORDER BY n DESC LIMIT ?3
"""  # noqa: S608
_ON = f"""
SELECT n, {_COLUMNS} FROM scan WHERE n > ?1 AND (?2 IS NULL OR session = ?2) ORDER BY n LIMIT ?3
"""  # noqa: S608
_ADD = (
    "INSERT OR IGNORE INTO scan"
    " (id, seq, epoch, decision, session, undone, corrected, card_id, details, photo)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_TALLY = (
    "SELECT card_id, undone, count(*) FROM scan WHERE ?1 IS NULL OR session = ?1 GROUP BY card_id, undone"
)
_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Word:
    """What a person said about a scan; ``None``: nothing new."""

    undone: bool | None = None
    corrected: str | None = None

    def then(self, later: Word) -> Word:
        """Return both as one."""
        undone = self.undone if later.undone is None else later.undone
        return Word(undone, later.corrected or self.corrected)


def write_sessions(connection: sqlite3.Connection, sessions: Sequence[Session]) -> None:
    """Store sessions."""
    connection.executemany(
        "INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?)",
        [(each.id, each.name, each.began.isoformat(), each.epoch, each.after_seq) for each in sessions],
    )


def read_sessions(connection: sqlite3.Connection) -> list[Session]:
    """Return every session, oldest first."""
    rows = connection.execute("SELECT id, name, began, epoch, after_seq FROM session ORDER BY id")
    try:
        return [
            Session(each, name, datetime.fromisoformat(began), *rest) for each, name, began, *rest in rows
        ]
    except ValueError as error:
        raise sqlite3.DatabaseError(f"a session is not what was stored: {error}") from error


def write_scan(connection: sqlite3.Connection, entry: Entry, photo: bytes | None) -> None:
    """Store a scan that the file does not hold yet."""
    row = (entry.id, entry.seq, entry.epoch, entry.decision, entry.session)
    connection.execute(_ADD, (*row, entry.undone, entry.corrected, entry.card_id, pack(entry), photo))


def write_word(connection: sqlite3.Connection, identity: str, word: Word) -> None:
    """Change what is stored of a scan."""
    connection.execute(
        "UPDATE scan SET undone = coalesce(?, undone), corrected = coalesce(?, corrected),"
        " card_id = coalesce(?, card_id) WHERE id = ?",
        (word.undone, word.corrected, word.corrected, identity),
    )


def read_entry(connection: sqlite3.Connection, identity: str) -> Entry | None:
    """Return a scan, or ``None``."""
    row = connection.execute(_ENTRY, (identity,)).fetchone()
    return None if row is None else _readable(row)


def read_photo(connection: sqlite3.Connection, identity: str) -> bytes | None:
    """Return the photo of a scan, or ``None``."""
    row = connection.execute("SELECT photo FROM scan WHERE id = ?", (identity,)).fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


def read_page(
    connection: sqlite3.Connection, before: str | None, limit: int, session: int | None
) -> list[Entry]:
    """Return scans that were stored before another one, newest first; before ``None``: the newest."""
    rows = connection.execute(_PAGE, (before, session, limit))
    return [entry for row in rows if (entry := _readable(row)) is not None]


def read_on(
    connection: sqlite3.Connection, after_n: int, session: int | None
) -> tuple[list[Entry], int | None]:
    """Return some scans in order of their storing, and after which number to go on; ``None``: that is all."""
    rows = connection.execute(_ON, (after_n, session, _ROWS_AT_ONCE)).fetchall()
    entries = [entry for _, *row in rows if (entry := _readable(tuple(row))) is not None]
    return entries, rows[-1][0] if len(rows) == _ROWS_AT_ONCE else None


def read_tally(connection: sqlite3.Connection, session: int | None) -> Iterator[tuple[str | None, bool, int]]:
    """Return how often each card was scanned: card id, whether undone, how often."""
    for card_id, undone, count in connection.execute(_TALLY, (session,)):
        yield card_id, bool(undone), count


def count(connection: sqlite3.Connection) -> int:
    """Return how many scans there are."""
    return int(connection.execute("SELECT count(*) FROM scan").fetchone()[0])


def look_up(path: Path, identity: str) -> tuple[Entry, bytes | None] | None:
    """Return a scan and its photo from a file, beside a scanner that may be running; ``None``: not there.

    Raises
    ------
    HistoryFault
        It cannot be read.
    """
    if not path.is_file():
        return None
    with (
        file_faults(path),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection,
    ):
        entry = read_entry(connection, identity)
        return None if entry is None else (entry, read_photo(connection, identity))


def newest_seq(connection: sqlite3.Connection, epoch: str) -> int:
    """Return the newest message of an epoch that the file knows; 0: none."""
    row = connection.execute(
        "SELECT seq FROM scan WHERE epoch = ? ORDER BY n DESC LIMIT 1", (epoch,)
    ).fetchone()
    return 0 if row is None else int(row[0])


def _readable(row: tuple[object, ...]) -> Entry | None:
    """Return a row's scan; one that is damaged is left out, which is told."""
    try:
        return unpack(row)
    except ValueError as error:
        log.error("a scan of the history cannot be read and is left out", error=str(error))
        return None
