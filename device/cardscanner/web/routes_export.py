"""``/api/export``: everything that was scanned, as a file."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from cardscanner.web.access import needs
from cardscanner.web.asked import bad, session_number
from cardscanner.web.export_rows import as_csv, as_json
from cardscanner.web.room import WebRoom

_SHAPES = {"csv": (as_csv, "text/csv; charset=utf-8"), "json": (as_json, "application/json")}


def routes(room: WebRoom) -> list[BaseRoute]:
    """Return the routes."""

    @needs("viewer")
    def export(request: Request) -> Response:
        shape = request.query_params.get("format", "csv")
        if shape not in _SHAPES:
            raise bad(f"format: {' or '.join(_SHAPES)}, not {shape[:40]!r}")
        written, media_type = _SHAPES[shape]
        rows = room.history.export_rows(session_number(request))
        if request.query_params.get("undone") == "no":
            rows = (each for each in rows if not each.undone)
        sessions = {each.id: each.name for each in room.history.sessions()}
        name = f"scans-{room.config.device_id}-{datetime.now(UTC):%Y%m%d-%H%M%S}.{shape}"
        return StreamingResponse(
            written(rows, room.config.device_id, sessions),
            media_type=media_type,
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )

    return [Route("/api/export", export)]
