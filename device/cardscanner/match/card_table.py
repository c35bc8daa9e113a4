"""Reading what a database is made from: a folder of card pictures, or a card table in CSV or JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from cardscanner.errors import InputError
from cardscanner.match.card_json import read_json
from cardscanner.match.card_rows import CardRows, Reference, refuse_all
from cardscanner.pictures import SUFFIXES

__all__ = ["Reference", "read_source", "read_table"]

NEEDED = ("card_id", "file")
_JSON = {".json", ".jsonl", ".ndjson"}


def read_source(source: Path, pictures: Path | None = None) -> list[Reference]:
    """Read a folder of pictures, a card table (``.csv``, ``.json``, ``.jsonl``) or a metadata dump.

    In a folder, the card_id is the file name without its suffix; ``ID@WORD.png`` is a further view of ID.
    Pictures of a table lie below ``pictures``, by default below the table's own folder. A table needs
    ``card_id`` and ``file``; ``name`` is the card's name, ``view`` tells several pictures of one card apart,
    everything else becomes metadata; cards with the same ``art_group`` share an artwork. A folder with
    ``.json`` files and no pictures is a metadata dump in several files.

    Raises
    ------
    InputError
        With every mistake on a line of its own.
    """
    if source.is_dir():
        return _read_folder(source, pictures)
    if not source.is_file():
        raise InputError(f"{source}: there is no such folder or card table")
    if source.suffix.lower() in _JSON:
        return read_json([source], pictures or source.parent)
    if source.suffix.lower() != ".csv":
        raise InputError(
            f"{source}: references come from a folder of pictures or from a .csv, .json or .jsonl card table"
        )
    return read_table(source, pictures)


def read_table(path: Path, pictures: Path | None = None) -> list[Reference]:
    """Read a CSV card table; see :func:`read_source`."""
    lines = _read_lines(path)
    try:
        header = next(lines)[1]
    except StopIteration:
        raise InputError(f"{path}: the table is empty; its first line names the columns") from None
    columns = _columns(path, header)
    rows = CardRows(path, pictures or path.parent)
    for line, cells in lines:
        if len(cells) != len(columns):
            rows.refuse(f"{len(cells)} fields, the first line has {len(columns)}", f"line {line}")
        else:
            rows.add(dict(zip(columns, cells, strict=True)), f"line {line}")
    return rows.references()


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


def _read_folder(folder: Path, pictures: Path | None) -> list[Reference]:
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    shown = [path for path in files if path.suffix.lower() in SUFFIXES]
    dumps = [path for path in files if path.suffix.lower() == ".json"]
    if not shown and dumps:
        return read_json(dumps, pictures or folder)
    if not shown:
        raise InputError(f"{folder}: there are no pictures in this folder ({', '.join(sorted(SUFFIXES))})")
    seen: dict[str, Path] = {}
    mistakes = []
    views: dict[str, list[Reference]] = {}
    for path in shown:
        if not _is_utf8(path.name):
            mistakes.append(f"{folder}: the file name {path.name!a} is not UTF-8: rename it")
        elif path.stem in seen:
            mistakes.append(f"{path}: {seen[path.stem].name} has the same card_id {path.stem}: rename one")
        seen.setdefault(path.stem, path)
        card_id = path.stem.split("@")[0] or path.stem
        views.setdefault(card_id, []).append(Reference(card_id, card_id, path, path.name))
    refuse_all(mistakes)
    return [each for card in views.values() for each in card]


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
