"""``/api/bug``: one click packs the newest frame, what was made of it, versions, settings and the log."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cardscanner.errors import CardscannerError, CommandRefused, EmbedderError, IndexAway
from cardscanner.web.access import needs
from cardscanner.web.bug_report import BugReport, open_settings, versions
from cardscanner.web.present import present_state
from cardscanner.web.room import WebRoom

_PATIENCE_S = 6.0


def routes(room: WebRoom) -> list[BaseRoute]:
    """Return the routes."""

    @needs("admin")
    def bug(_request: Request) -> Response:
        name = f"cardscanner-bug-{room.config.device_id}-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip"
        return Response(
            collected(room, _PATIENCE_S).zipped(),
            media_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )

    return [Route("/api/bug", bug, methods=["POST"])]


def collected(room: WebRoom, patience_s: float) -> BugReport:
    """Gather what can be had; what cannot says why in the place where it would be."""
    report = BugReport()
    try:
        report.add_look(room.probe.ask(patience_s))
    except (CommandRefused, EmbedderError, IndexAway) as error:
        report.add_json("candidates.json", {"missing": str(error)})
        frame = room.control.slot.newest
        if frame is not None:
            report.add_frame(frame)
    report.add_json("versions.json", versions(room.config, room.control.facts.info()))
    try:
        report.add_json("state.json", present_state(room))
    except CardscannerError as error:
        report.add_json("state.json", {"missing": str(error)})
    report.add_json("settings.json", open_settings(room.config))
    report.add_lines("log.jsonl", room.log.lines)
    return report
