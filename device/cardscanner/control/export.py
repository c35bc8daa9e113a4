"""``export``: the scans that the outbox still holds, as CSV or JSON lines."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from cardscanner.control.room import ControlRoom
from cardscanner.publish.orders import AnyAnswer, Order, asked, good
from cardscanner.publish.payload_answer import ExportData
from cardscanner.publish.payload_request import ExportRequest
from cardscanner.publish.rows import Row
from cardscanner.publish.topics import Topics

MAX_CONTENT_BYTES = 64_000
COLUMNS = (
    *("seq", "id", "ts", "event_type", "match", "game", "card_id", "name", "set", "number", "lang", "finish"),
    *("score", "margin", "camera", "device", "epoch"),
)


def export(room: ControlRoom, order: Order) -> AnyAnswer:
    """Answer with scans, delivered or not, oldest first, as many as an answer takes."""
    request, outbox = asked(order, ExportRequest), room.outbox
    scan = Topics(room.config.device_id).scan
    rows = outbox.held(request.from_seq, request.max + 1)
    lines = [_header()] if request.format == "csv" else []
    size, count, next_seq = sum(map(len, lines)), 0, None
    for number, row in enumerate(rows):
        line = _line(row, request.format) if row.topic == scan else ""
        size += len(line.encode())
        if number == request.max or size > MAX_CONTENT_BYTES:
            next_seq = row.seq
            break
        lines.append(line)
        count += bool(line)
    data = ExportData(
        format=request.format, epoch=outbox.epoch, count=count, content="".join(lines), next_seq=next_seq
    )
    return good(order, data)


def _line(row: Row, shape: str) -> str:
    if shape == "json":
        return row.payload.decode() + "\n"
    scan: dict[str, Any] = json.loads(row.payload)
    card = scan.get("card") or {}
    return _csv([card.get(name, "") if name in card else scan.get(name, "") for name in COLUMNS])


def _header() -> str:
    return _csv(COLUMNS)


def _csv(values: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(["" if value is None else value for value in values])
    return text.getvalue()
