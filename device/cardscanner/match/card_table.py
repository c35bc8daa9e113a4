"""Reading what a database is made from: a folder of card pictures, or a CSV card table."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cardscanner.errors import InputError
from cardscanner.pictures import SUFFIXES

NEEDED = ("card_id", "file")
_OWN = {*NEEDED, "name"}
_MISTAKES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Reference:
    """One card and its reference picture."""

    card_id: str
    name: str
    path: Path
    image: str
    """The picture as the source names it."""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def art_group(self) -> str:
        """Label that prints with one picture share; empty when nothing is known."""
        return self.metadata.get("art_group", "")


def read_source(source: Path) -> list[Reference]:
    """Read a folder of pictures (card_id = file name without its suffix) or a CSV card table.

    A table needs the columns ``card_id`` and ``file`` (relative to the table); ``name`` is the card's name
    when it is there, all further columns become metadata; cards with the same ``art_group`` share an artwork.

    Raises
    ------
    InputError
        With every mistake on a line of its own.
    """
    if source.is_dir():
        return _read_folder(source)
    if not source.is_file():
        raise InputError(f"{source}: there is no such folder or card table")
    if source.suffix.lower() != ".csv":
        raise InputError(f"{source}: references come from a folder of pictures or from a .csv card table")
    return read_table(source)


def read_table(path: Path) -> list[Reference]:
    """Read a CSV card table; see :func:`read_source`."""
    lines = _read_lines(path)
    try:
        header = next(lines)[1]
    except StopIteration:
        raise InputError(f"{path}: the table is empty; its first line names the columns") from None
    columns = _columns(path, header)
    mistakes: list[str] = []
    references: list[Reference] = []
    seen: dict[str, int] = {}
    for line, cells in lines:
        if mistake := _mistake(cells, columns, seen, path.parent):
            mistakes.append(f"{path}, line {line}: {mistake}")
            continue
        row = dict(zip(columns, cells, strict=True))
        seen[row["card_id"]] = line
        references.append(_reference(row, path.parent))
    _refuse(mistakes)
    if not references:
        raise InputError(f"{path}: the table names no cards")
    return references


def _read_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, stripped cells); empty lines are left out."""
    begins = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield begins, [cell.strip() for cell in cells]
                begins = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from None
    except csv.Error as error:
        raise InputError(f"{path}, line {begins}: not valid CSV: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _columns(path: Path, header: Sequence[str]) -> list[str]:
    missing = [name for name in NEEDED if name not in header]
    if missing:
        hint = "; separate the columns with commas" if len(header) == 1 and ";" in header[0] else ""
        raise InputError(
            f"{path}, line 1: the column {' and '.join(missing)} is missing; "
            f"there are {', '.join(header)}{hint}"
        )
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise InputError(f"{path}, line 1: the column {twice[0]!r} stands here twice")
    return list(header)


def _mistake(
    cells: Sequence[str], columns: Sequence[str], seen: Mapping[str, int], folder: Path
) -> str | None:
    if len(cells) != len(columns):
        return f"{len(cells)} fields, the first line has {len(columns)}"
    row = dict(zip(columns, cells, strict=True))
    if not row["card_id"]:
        return "card_id is empty"
    if row["card_id"] in seen:
        return f"card_id {row['card_id']} stands already in line {seen[row['card_id']]}"
    if not row["file"]:
        return "file is empty"
    if not os.path.isfile(folder / row["file"]):  # noqa: PTH113 - Path.is_file raises for names that are too long
        return f"there is no file {folder / row['file']}"
    return None


def _reference(row: Mapping[str, str], folder: Path) -> Reference:
    metadata = {key: value for key, value in row.items() if key and key not in _OWN and value}
    name = row.get("name") or row["card_id"]
    return Reference(row["card_id"], name, folder / row["file"], row["file"], metadata)


def _read_folder(folder: Path) -> list[Reference]:
    pictures = sorted(
        path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )
    if not pictures:
        raise InputError(f"{folder}: there are no pictures in this folder ({', '.join(sorted(SUFFIXES))})")
    seen: dict[str, Path] = {}
    mistakes = []
    for path in pictures:
        if not _is_utf8(path.name):
            mistakes.append(f"{folder}: the file name {path.name!a} is not UTF-8: rename it")
        elif path.stem in seen:
            mistakes.append(f"{path}: {seen[path.stem].name} has the same card_id {path.stem}: rename one")
        seen.setdefault(path.stem, path)
    _refuse(mistakes)
    return [Reference(path.stem, path.stem, path, path.name) for path in pictures]


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse(mistakes: Sequence[str]) -> None:
    if mistakes:
        more = len(mistakes) - _MISTAKES_SHOWN
        tail = [f"... and {more} more"] if more > 0 else []
        raise InputError("\n".join([*mistakes[:_MISTAKES_SHOWN], *tail]))
