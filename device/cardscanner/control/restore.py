"""Putting a backup back, while the scanner is stopped; what was there before is kept."""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import count
from pathlib import Path, PurePosixPath
from typing import IO, cast

from cardscanner.config import Config
from cardscanner.configfile import settings_path
from cardscanner.control.backup import ACCOUNTS, CONFIGURATION, CORRECTIONS, HISTORY, OUTBOX, SETTINGS
from cardscanner.errors import ArtifactError, OutboxBusy
from cardscanner.files import side_files, sync_folder
from cardscanner.history.keeping import history_path
from cardscanner.publish.outbox_check import Damaged, check, is_in_use


def places(config: Config, accounts: Path) -> dict[str, Path]:
    """Return where the parts of a backup belong, by their names in it."""
    return {
        OUTBOX: config.outbox.path,
        HISTORY: history_path(config),
        SETTINGS: settings_path(config),
        CORRECTIONS: config.corrections.folder,
        ACCOUNTS: accounts,
    }


def put_back(backup: Path, belongs: Mapping[str, Path]) -> list[str]:
    """Unpack, check, and only then change anything; return what was done, in lines for people.

    Cut off in the middle it is run again: each part is put in place by a rename.

    Raises
    ------
    OutboxBusy
        The scanner runs.
    ArtifactError
        It is no backup, or damaged; nothing was changed.
    """
    outbox = belongs[OUTBOX]
    if is_in_use(outbox):
        raise OutboxBusy(f"outbox {outbox}: a scanner has it open: systemctl stop cardscanner, then again")
    outbox.parent.mkdir(parents=True, exist_ok=True)
    done = []
    with tempfile.TemporaryDirectory(dir=outbox.parent, prefix=".restore-") as work:
        parts = _unpack(backup, Path(work))
        _check(backup, parts)
        for name, place in belongs.items():
            if name not in parts:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            done += [f"{kept}: what was there before" for kept in _put_aside(place)]
            parts[name].rename(place)
            sync_folder(place.parent)
            done.append(f"{place}: put back")
    return done


def _unpack(backup: Path, into: Path) -> dict[str, Path]:
    """Write the files, which are all that counts of an archive, with rights of this program's own."""
    try:
        with tarfile.open(backup) as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                if member.isdir():
                    continue
                if not member.isfile() or not _is_known(name):
                    raise ArtifactError(f"{backup}: no backup of a scanner: it has {member.name!r} in it")
                target = into / name
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                target.touch(mode=0o600)
                with cast("IO[bytes]", archive.extractfile(member)) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ArtifactError(f"{backup}: no backup, or damaged: {error}; nothing was changed") from error
    return {each.name: each for each in into.iterdir()}


def _is_known(name: PurePosixPath) -> bool:
    first, *rest = name.parts
    return (first == CORRECTIONS and bool(rest) and ".." not in rest) or (
        not rest and first in {OUTBOX, HISTORY, SETTINGS, ACCOUNTS, CONFIGURATION}
    )


def _check(backup: Path, parts: Mapping[str, Path]) -> None:
    said = "ok"
    try:
        if OUTBOX in parts:
            with closing(sqlite3.connect(parts[OUTBOX])) as connection:
                check(connection)
        if HISTORY in parts:
            with closing(sqlite3.connect(parts[HISTORY])) as connection:
                (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except (sqlite3.Error, Damaged) as error:
        said = str(error)
    if said != "ok":
        raise ArtifactError(f"{backup}: damaged: {said}; nothing was changed")


def _put_aside(place: Path) -> Iterator[Path]:
    """Rename what is in a place, with an SQLite database's side files."""
    there = side_files(place)
    for number in count(1):
        ending = f".before-restore-{number}"
        if not any(each.with_name(each.name + ending).exists() for each in [place, *there]):
            break
    for each in there:
        yield each.rename(place.with_name(f"{place.name}{ending}{each.name.removeprefix(place.name)}"))
