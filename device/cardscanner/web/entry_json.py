"""An entry of the history on the wire."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from cardscanner.history import Counts, Entry, Session


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as plain data; times in UTC with milliseconds."""
    found = {field.name: getattr(entry, field.name) for field in fields(entry)}
    return found | {"ts": moment(entry.ts)}


def session_json(session: Session, counts: Counts | None = None) -> dict[str, Any]:
    """Return a session, with its counts if they are known."""
    found = {
        "id": session.id,
        "name": session.name,
        "began": moment(session.began),
        "current": session.current,
    }
    return found if counts is None else found | {"counts": counts_json(counts)}


def counts_json(counts: Counts) -> dict[str, int]:
    """Return counts as plain data."""
    return {field.name: getattr(counts, field.name) for field in fields(counts)}


def moment(when: datetime) -> str:
    """Return a time as the messages of the device write it: ``2026-09-30T12:00:03.412Z``."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
