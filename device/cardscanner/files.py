"""Files that survive a power cut: temporary, fsync, rename; and what a file's identity is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20
_SIDES = ("", "-wal", "-shm", "-journal")
"""What belongs to an SQLite database, by the end of the name."""


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write; on success it is fsynced and takes the place of ``path``.

    A reader, or a machine that loses power, sees the old file or the new one, never a part.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any, *, mode: int | None = None) -> None:
    """Replace ``path`` by a JSON document, durably; NaN, which JSON lacks, is a ValueError.

    ``mode`` is who may read it, from its first byte on; ``None``: as the process makes files.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(path) as temporary:
        if mode is not None:
            temporary.touch(mode=mode)
        temporary.write_text(text + "\n", encoding="utf-8")


def side_files(path: Path) -> list[Path]:
    """Return what there is of an SQLite database: the file itself first, then its logs and journals."""
    return [each for suffix in _SIDES if (each := path.with_name(path.name + suffix)).exists()]


def move_aside(path: Path) -> Path:
    """Rename an SQLite database and what belongs to it; return the new name of the first of them.

    The database goes first, for its log is worth nothing without it.
    """
    for number in count(1):
        aside = path.with_name(f"{path.name}.damaged-{number}")
        if not side_files(aside):
            break
    moved = [each.name.removeprefix(path.name) for each in side_files(path)]
    for suffix in moved:
        path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    sync_folder(path.parent)
    return aside.with_name(aside.name + moved[0])
