"""Scans as CSV or JSON lines, for spreadsheets and programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from cardscanner.control.export import COLUMNS
from cardscanner.history import Entry
from cardscanner.web.entry_json import entry_json

CSV_COLUMNS = (*COLUMNS, "session", "undone", "corrected")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so as a formula, and may run it (OWASP: CSV injection)."""


def as_csv(entries: Iterable[Entry], device: str, sessions: dict[int, str]) -> Iterator[bytes]:
    """Yield the lines of a table, its head first."""
    yield _line(CSV_COLUMNS)
    for entry in entries:
        scan = entry_json(entry)
        known = scan | {"device": device, "event_type": entry.decision, **(entry.card or {})}
        known["session"] = sessions.get(entry.session, str(entry.session))
        yield _line([_cell(known.get(name)) for name in CSV_COLUMNS])


def as_json(entries: Iterable[Entry], device: str, sessions: dict[int, str]) -> Iterator[bytes]:
    """Yield one JSON list, an entry in each line."""
    mark = "[\n"
    for entry in entries:
        document = entry_json(entry) | {
            "device": device,
            "session_name": sessions.get(entry.session, str(entry.session)),
        }
        yield (mark + json.dumps(document, ensure_ascii=False)).encode()
        mark = ",\n"
    yield b"[]\n" if mark == "[\n" else b"\n]\n"


def _cell(value: Any) -> Any:
    """Return what a spreadsheet shows as it is: text that looks like a formula gets a quote before it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _line(values: Iterable[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue().encode()
