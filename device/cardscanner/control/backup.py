"""``backup``: one file with a consistent copy of outbox, configuration and corrections, on the device."""

from __future__ import annotations

import re
import shutil
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from cardscanner.configfile import settings_path
from cardscanner.control.room import ControlRoom
from cardscanner.errors import CommandRefused
from cardscanner.files import replacing, sha256_of
from cardscanner.publish.orders import AnyAnswer, Order, good
from cardscanner.publish.payload_answer import BackupData

KEEP = 5
"""Backups that stay; the oldest go."""
_SPARE_BYTES = 16 * 2**20


def back_up(room: ControlRoom, order: Order) -> AnyAnswer:
    """Write the file beside the outbox and say where it is. Passwords and keys are not in it."""
    folder = room.config.outbox.path.parent / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    corrections = room.config.corrections.folder
    _need_room(folder, [room.config.outbox.path, corrections])
    number = max(map(_number, _backups(folder)), default=0) + 1
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    path = folder / f"cardscanner-{room.config.device_id}-{number:06d}-{stamp}.tar.gz"
    parts = {
        "cardscanner.yaml": room.config_path,
        "settings.yaml": settings_path(room.config),
        "corrections": corrections,
    }
    with tempfile.TemporaryDirectory(dir=folder) as work:
        copy = Path(work) / "outbox.db"
        room.outbox.copy_to(copy)
        contents = _pack(
            path, {"outbox.db": copy} | {name: part for name, part in parts.items() if part.exists()}
        )
    for old in _backups(folder)[:-KEEP]:
        old.unlink()
    data = BackupData(
        path=str(path), size_bytes=path.stat().st_size, sha256=sha256_of(path), contents=tuple(contents)
    )
    return good(order, data)


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
        raise CommandRefused(
            "failed", f"{folder}: a backup needs {need} bytes and {free} are free: delete old backups there"
        )
