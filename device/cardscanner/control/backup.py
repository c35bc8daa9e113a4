"""Backups: one file on the device with consistent copies of what cannot be made again."""

from __future__ import annotations

import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cardscanner.config import Config
from cardscanner.configfile import settings_path
from cardscanner.control.room import ControlRoom
from cardscanner.errors import CardscannerError
from cardscanner.files import replacing, sha256_of
from cardscanner.history.keeping import history_path
from cardscanner.publish.orders import AnyAnswer, Order, good
from cardscanner.publish.outbox_copy import copy_in_use
from cardscanner.publish.payload_answer import BackupData

KEEP = 5
"""Backups that stay; the oldest go."""
OUTBOX, HISTORY, CORRECTIONS = "outbox.db", "history.db", "corrections"
CONFIGURATION, SETTINGS, ACCOUNTS = "cardscanner.yaml", "settings.yaml", "accounts.json"
_SPARE_BYTES = 16 * 2**20

Copiers = Mapping[str, Callable[[Path], None]]


def back_up(room: ControlRoom, order: Order) -> AnyAnswer:
    """``backup``: outbox, configuration and corrections. Passwords and keys are not in it."""
    parts = small_parts(room.config, room.config_path)
    return good(
        order, write_backup(room.config, parts, {OUTBOX: room.outbox.copy_to}, [room.config.outbox.path])
    )


def small_parts(config: Config, config_path: Path) -> dict[str, Path]:
    """Return files and folders that may be packed as they are, by their names in a backup."""
    return {
        CONFIGURATION: config_path,
        SETTINGS: settings_path(config),
        CORRECTIONS: config.corrections.folder,
    }


def write_full_backup(config: Config, config_path: Path, accounts: Path) -> BackupData:
    """Write a backup with history, photos and accounts too, beside a scanner that goes on.

    Raises
    ------
    CardscannerError
        There is not enough space on the disk: how much is needed is said.
    OutboxFault
        The outbox cannot be copied.
    """
    copiers: dict[str, Callable[[Path], None]] = {}
    if config.outbox.path.exists():
        copiers[OUTBOX] = partial(copy_in_use, config.outbox.path)
    if history_path(config).exists():
        copiers[HISTORY] = partial(copy_history, history_path(config))
    parts = small_parts(config, config_path) | {ACCOUNTS: accounts}
    return write_backup(config, parts, copiers, [config.outbox.path, history_path(config)])


def write_backup(
    config: Config, parts: Mapping[str, Path], copiers: Copiers, copied: list[Path]
) -> BackupData:
    """Write the file beside the outbox and say where it is; ``copied`` is what ``copiers`` copy."""
    folder = config.outbox.path.parent / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    _need_room(folder, [*copied, *parts.values()])
    number = max(map(_number, _backups(folder)), default=0) + 1
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    path = folder / f"cardscanner-{config.device_id}-{number:06d}-{stamp}.tar.gz"
    with tempfile.TemporaryDirectory(dir=folder) as work:
        copies = {name: Path(work) / name for name in copiers}
        for name, copy in copiers.items():
            copy(copies[name])
        contents = _pack(path, copies | {name: part for name, part in parts.items() if part.exists()})
    for old in _backups(folder)[:-KEEP]:
        old.unlink()
    return BackupData(
        path=str(path), size_bytes=path.stat().st_size, sha256=sha256_of(path), contents=tuple(contents)
    )


def copy_history(path: Path, into: Path) -> None:
    """Copy the history while a scanner writes it: SQLite begins the copy again when a page changes."""
    with (
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as source,
        closing(sqlite3.connect(into)) as target,
    ):
        source.backup(target)


def _backups(folder: Path) -> list[Path]:
    """Return the backups, oldest first: by their numbers, for the clock may have been wrong."""
    return sorted(folder.glob("cardscanner-*.tar.gz"), key=lambda path: (_number(path), path.name))


def _number(path: Path) -> int:
    """Return a backup's number; 0: it was made before they had numbers."""
    found = re.search(r"-(\d{6,})-\d{8}T\d{6}Z\.tar\.gz$", path.name)
    return int(found[1]) if found else 0


def _pack(path: Path, parts: dict[str, Path]) -> list[str]:
    with replacing(path) as temporary:
        temporary.touch(mode=0o600)
        with tarfile.open(temporary, "w:gz") as archive:
            for name, part in parts.items():
                archive.add(part, name)
    with tarfile.open(path) as archive:  # what is in it is read back
        return [member.name for member in archive if member.isfile()]


def _need_room(folder: Path, parts: list[Path]) -> None:
    """Refuse where the copy, and the packed copy of it, might fill the disk that scans need."""
    files = [each for part in parts if part.exists() for each in (part, *part.glob("**/*")) if each.is_file()]
    need = 2 * sum(each.stat().st_size for each in files) + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < need:
        raise CardscannerError(
            f"{folder}: a backup needs {need} bytes and {free} are free: delete old backups there"
        )
