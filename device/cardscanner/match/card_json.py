"""Card tables in JSON, and metadata dumps as the Pokemon TCG API and its public data set have them.

A table is a list of objects (or one object a line) with the fields that the columns of a CSV table have;
``file`` may be a list of several views. An entry of a dump has ``id``, ``name``, ``number``, ``rarity``,
``images`` and often ``set``; it names pictures by URL, so they are looked for below a folder of pictures:
by the path of the URL (``base1/4_hires.png``) and by the id (``base1-4.png``). Nothing is downloaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cardscanner.errors import InputError
from cardscanner.match.card_rows import CardRows, Reference, is_file
from cardscanner.pictures import SUFFIXES

_ADDRESS = re.compile(r"https?://[^/]*/(?P<path>[^?#]*)")
_LINES = {".jsonl", ".ndjson"}
_SIZES = ("large", "high", "hires", "png", "normal", "small", "low")
"""Names of pictures in dumps, the best first."""
_KEPT = ("name", "number", "rarity", "artist", "finish", "art_group")
_LANGUAGE_LETTERS = 2


def read_json(tables: Sequence[Path], pictures: Path) -> list[Reference]:
    """Read JSON tables or dumps, in order, as one; :class:`InputError` with every mistake."""
    rows = CardRows(tables[0] if len(tables) == 1 else tables[0].parent, pictures)
    for table in tables:
        where = "" if len(tables) == 1 else f"{table.name}, "
        for place, entry in _entries(table):
            _take(entry, f"{where}{place}", table, pictures, rows)
    return rows.references()


def _entries(table: Path) -> Iterator[tuple[str, Any]]:
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{table}: not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from None
    except OSError as error:
        raise InputError(f"{table}: cannot be read: {error}") from error
    if table.suffix.lower() in _LINES:
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield f"line {number}", _parsed(line, f"{table}, line {number}")
        return
    document = _parsed(text, str(table))
    if isinstance(document, Mapping):
        document = document.get("data") or document.get("cards")
    if not isinstance(document, list):
        raise InputError(f"{table}: a card table is a list of cards, or has one as data or cards")
    for number, entry in enumerate(document, start=1):
        yield f"entry {number}", entry


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not valid JSON: {error}") from None


def _take(entry: Any, place: str, table: Path, pictures: Path, rows: CardRows) -> None:
    if not isinstance(entry, Mapping):
        rows.refuse("this is no card: a card is an object with card_id and file, or id and images", place)
    elif "card_id" in entry:
        _take_row(entry, place, rows)
    elif "id" in entry:
        _take_dumped(entry, place, table, pictures, rows)
    else:
        rows.refuse(f"neither card_id nor id is here; there are {', '.join(map(str, entry))}", place)


def _take_row(entry: Mapping[str, Any], place: str, rows: CardRows) -> None:
    files = entry.get("file", entry.get("files", ""))
    views = [str(each) for each in files] if isinstance(files, list) else [_text(files)]
    fields = {key: _text(value) for key, value in entry.items() if key not in {"file", "files"}}
    for number, file in enumerate(views or [""]):
        view = fields.get("view", "") if len(views) < 2 else f"{fields.get('view', '')}#{number}"
        rows.add({**fields, "file": file, "view": view}, place)


def _take_dumped(entry: Mapping[str, Any], place: str, table: Path, pictures: Path, rows: CardRows) -> None:
    card_id = _text(entry["id"])
    file, tried = _picture(card_id, entry, pictures)
    if file is None:
        rows.refuse(f"card {card_id} has no picture below {pictures} (looked for {', '.join(tried)})", place)
        return
    fields = {key: _text(entry.get(key)) for key in _KEPT}
    fields["number"] = fields["number"] or _text(entry.get("localId"))
    fields |= {"set": _set_of(entry, table), "lang": _text(entry.get("lang")) or _language(table)}
    if isinstance(entry.get("set"), Mapping):
        fields["set_name"] = _text(entry["set"].get("name"))
    rows.add({"card_id": card_id, "file": file, **fields}, place)


def _set_of(entry: Mapping[str, Any], table: Path) -> str:
    """The public data set has one file for each set, called like it."""
    given = entry.get("set")
    if isinstance(given, Mapping):
        return _text(given.get("id"))
    if given:
        return _text(given)
    stem = table.stem
    return stem if _text(entry["id"]).startswith(f"{stem}-") else ""


def _language(table: Path) -> str:
    """The public data set has one folder for each language."""
    folder = table.absolute().parent.name
    return folder if len(folder) == _LANGUAGE_LETTERS and folder.isalpha() else ""


def _picture(card_id: str, entry: Mapping[str, Any], pictures: Path) -> tuple[str | None, list[str]]:
    """Return the card's picture below the folder, and the names that were looked for."""
    found = entry.get("images", entry.get("image", entry.get("image_uris", {})))
    given = found if isinstance(found, Mapping) else {"large": found}
    named = [given[size] for size in _SIZES if given.get(size)]
    tried = [name for each in named for name in _local_names(str(each))]
    tried += [f"{card_id}{suffix}" for suffix in (".png", ".jpg", *sorted(SUFFIXES - {".png", ".jpg"}))]
    return next((name for name in tried if is_file(pictures / name)), None), tried


def _local_names(address: str) -> list[str]:
    """``https://host/base1/4.png`` may lie at ``base1/4.png``; a path is itself; some URLs lack a suffix."""
    found = _ADDRESS.match(address)
    if found is None:
        return [address]
    name = found.group("path")
    return [name] if Path(name).suffix else [f"{name}.png", f"{name}.webp", f"{name}/high.png"]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
