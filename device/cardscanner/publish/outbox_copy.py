"""A copy of an outbox that another process has locked for itself, made without disturbing it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from cardscanner.errors import OutboxBusy
from cardscanner.files import sha256_of
from cardscanner.publish.outbox_check import Damaged, check
from cardscanner.publish.outbox_file import copy_file, storage_faults

_TRIES = 40
_PAUSE_S = 0.05
_LOG_HEADER_BYTES = 32
"""It has salts that are new whenever SQLite begins the log again (sqlite.org/walformat.html)."""


def copy_in_use(path: Path, into: Path) -> None:
    """Copy an outbox, whether or not a scanner has it open; the copy begins an epoch of its own.

    SQLite's own copy needs a lock that a scanner does not give. But its log only grows, and the file stays
    as it is, except when the log is moved into the file: then both change, and the copy is made again.
    A message whose end is not yet in the log is not in the copy, as after a power cut.

    Raises
    ------
    OutboxBusy
        The log was moved again and again.
    OutboxFault
        The file is damaged, or cannot be read or written.
    """
    with storage_faults(path), tempfile.TemporaryDirectory(dir=into.parent) as work:
        raw = Path(work) / "outbox.db"
        for _ in range(_TRIES):
            if _copied_in_peace(path, raw):
                break
            time.sleep(_PAUSE_S)
        else:
            raise OutboxBusy(
                f"outbox {path}: it changed in the middle of each of {_TRIES} copies: try again later"
            )
        with closing(sqlite3.connect(raw, isolation_level=None)) as connection:
            try:
                check(connection)
            except Damaged as damage:
                raise sqlite3.DatabaseError(f"the copy is damaged: {damage}") from damage
            copy_file(connection, into)


def _copied_in_peace(path: Path, raw: Path) -> bool:
    """Copy file and log; tell whether the log was not moved meanwhile."""
    log, raw_log = (each.with_name(each.name + "-wal") for each in (path, raw))
    raw_log.unlink(missing_ok=True)
    before = _log_header(log)
    shutil.copyfile(path, raw)
    if before:
        shutil.copyfile(log, raw_log)
    return _log_header(log) == before and sha256_of(path) == sha256_of(raw)


def _log_header(log: Path) -> bytes:
    try:
        with log.open("rb") as file:
            return file.read(_LOG_HEADER_BYTES)
    except FileNotFoundError:
        return b""
