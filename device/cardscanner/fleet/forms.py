"""Forms: the fleet as one JSON object and as CSV, for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from cardscanner.fleet.findings import LEVELS
from cardscanner.fleet.roster import Row

COLUMNS = (
    "device", "state", "level", "findings", "words", "program", "model", "database", "scans_per_hour",
    "scans_over_s", "scans", "waiting", "uptime_s", "said", "hardware", "game",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Glance:
    """What is said of the fleet as a whole."""

    broker: str
    connected: bool
    foreign: int
    """Messages that come from no box or cannot be read."""
    boxes: int
    online: int
    attention: int
    scans_per_hour: int


def glance(rows: Sequence[Row], broker: str, *, connected: bool, foreign: int) -> Glance:
    """Sum up rows."""
    return Glance(
        broker,
        connected,
        foreign,
        boxes=len(rows),
        online=sum(row.state not in {"offline", "unknown"} for row in rows),
        attention=sum(row.needs_attention for row in rows),
        scans_per_hour=round(sum(row.scans_per_hour or 0.0 for row in rows)),
    )


def as_document(rows: Sequence[Row], summary: Glance, at: datetime) -> dict[str, Any]:
    """Return everything as one object for JSON."""
    return {"v": 1, "at": _stamp(at), **asdict(summary), "rows": [_row(row) for row in rows]}


def as_csv(rows: Sequence[Row]) -> str:
    """Return a line for each row, under one with the columns; as RFC 4180."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        fields = {
            **_row(row),
            "findings": " ".join(each.name for each in row.findings),
            "words": "; ".join(each.words for each in row.findings),
        }
        writer.writerow("" if fields[name] is None else fields[name] for name in COLUMNS)
    return text.getvalue()


def _row(row: Row) -> dict[str, Any]:
    return {
        **asdict(row),
        "said": None if row.said is None else _stamp(row.said),
        "level": (*LEVELS, "ok")[row.level],
    }


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
