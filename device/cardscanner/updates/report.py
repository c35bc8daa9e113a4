"""What a look at the index brought: ``updates.json`` beside the outbox, which the daemon reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cardscanner.files import write_json
from cardscanner.updates.index import Index, Kind, Release


@dataclass(frozen=True, slots=True)
class Installed:
    """Something that is in use on this machine."""

    kind: Kind
    name: str
    version: str


class News(BaseModel):
    """One installed thing, and the newest version of it in the index."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    name: str
    installed: str
    latest: str | None = None
    """``None``: the index does not know it."""
    newer: bool = False
    summary: str | None = None
    page: str | None = None


class Report(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    checked: datetime
    source: str
    found: tuple[News, ...]

    def of(self, kind: Kind, name: str) -> News | None:
        """Return what is known about one installed thing."""
        return next((each for each in self.found if (each.kind, each.name) == (kind, name)), None)


def compare(installed: Installed, index: Index) -> News:
    """Look up one installed thing.

    A version that is not made of numbers (a database that somebody named themselves) is older than any in
    the index: what has the name of a published thing, but no published version, is a stranger to it.
    """
    known = [each for each in index.releases if (each.kind, each.name) == (installed.kind, installed.name)]
    if not known:
        return News(kind=installed.kind, name=installed.name, installed=installed.version)
    latest = max(known, key=_order)
    return News(
        kind=installed.kind,
        name=installed.name,
        installed=installed.version,
        latest=latest.version,
        newer=is_newer(latest.version, installed.version),
        summary=latest.summary,
        page=latest.page,
    )


def is_newer(version: str, than: str) -> bool:
    """Whether a version comes after another; 1.2 and 1.2.0 are one."""
    return _numbers(version) > _numbers(than)


def report_path(outbox: Path) -> Path:
    """Return where the report lies."""
    return outbox.with_name("updates.json")


def save_report(path: Path, report: Report) -> None:
    """Replace the report, durably; OSError where the disk does not take it."""
    write_json(path, report.model_dump(mode="json"))


def load_report(path: Path) -> Report | None:
    """Return the newest report; ``None`` when nobody has looked yet, or the file is not whole."""
    try:
        return Report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _order(release: Release) -> tuple[int, ...]:
    return _numbers(release.version)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return ()
    numbers = [int(part) for part in parts]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
