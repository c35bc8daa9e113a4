"""``/api/scans`` and ``/api/sessions``: what was scanned, and people's words on it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cardscanner.control.undo import set_undone
from cardscanner.history import Entry
from cardscanner.publish.payload_request import CorrectionRequest
from cardscanner.web.access import Body, body_of, needs
from cardscanner.web.asked import scan_id, session_number, whole_number
from cardscanner.web.entry_json import entry_json, session_json
from cardscanner.web.errors import WebRefused
from cardscanner.web.orders import give
from cardscanner.web.room import WebRoom

MOST_SCANS = 200
_KEEP = {"Cache-Control": "private, max-age=86400, immutable"}


class Correcting(Body):
    """Which card a scan really was."""

    card_id: str = Field(min_length=1, max_length=256)


class Beginning(Body):
    """A session."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


def routes(room: WebRoom) -> list[BaseRoute]:
    """Return the routes."""

    @needs("viewer")
    def scans(request: Request) -> Response:
        limit = whole_number(request, "limit", 50, 1, MOST_SCANS)
        before = request.query_params.get("before") or None
        found = room.history.page(None if before is None else scan_id(before), limit, session_number(request))
        following = found[-1].id if len(found) == limit else None
        return JSONResponse({"scans": [entry_json(each) for each in found], "next": following})

    @needs("viewer")
    def scan(request: Request) -> Response:
        return JSONResponse(entry_json(_entry(room, request)))

    @needs("viewer")
    def photo(request: Request) -> Response:
        entry = _entry(room, request)
        data = room.history.photo(entry.id)
        if data is None:
            raise WebRefused(404, "not_found", "this scan has no photo (any more)")
        return Response(data, media_type="image/jpeg", headers=_KEEP)

    @needs("admin")
    def undo(request: Request) -> Response:
        return JSONResponse(entry_json(_undone(room, request, undone=True)))

    @needs("admin")
    def redo(request: Request) -> Response:
        return JSONResponse(entry_json(_undone(room, request, undone=False)))

    @needs("admin")
    async def correct(request: Request) -> Response:
        card_id = (await body_of(request, Correcting)).card_id
        return JSONResponse(await run_in_threadpool(_corrected, room, request, card_id))

    @needs("viewer")
    def sessions(_request: Request) -> Response:
        listed = [session_json(each, room.history.counts(each.id)) for each in room.history.sessions()]
        return JSONResponse({"sessions": listed})

    @needs("admin")
    async def begin_session(request: Request) -> Response:
        name = (await body_of(request, Beginning)).name
        session = await run_in_threadpool(room.history.begin_session, name)
        return JSONResponse(session_json(session), status_code=201)

    return [
        Route("/api/scans", scans),
        Route("/api/scans/{id}", scan),
        Route("/api/scans/{id}/photo.jpg", photo),
        Route("/api/scans/{id}/undo", undo, methods=["POST"]),
        Route("/api/scans/{id}/redo", redo, methods=["POST"]),
        Route("/api/scans/{id}/correct", correct, methods=["POST"]),
        Route("/api/sessions", sessions),
        Route("/api/sessions", begin_session, methods=["POST"]),
    ]


def _entry(room: WebRoom, request: Request) -> Entry:
    entry = room.history.entry(scan_id(request.path_params["id"]))
    if entry is None:
        raise WebRefused(404, "not_found", "this scan is not kept (any more)")
    return entry


def _undone(room: WebRoom, request: Request, *, undone: bool) -> Entry:
    return set_undone(room.control, _entry(room, request).id, undone=undone)


def _corrected(room: WebRoom, request: Request, card_id: str) -> dict[str, object]:
    entry = _entry(room, request)
    give(room, "correction", CorrectionRequest, event=entry.id, card_id=card_id)
    return entry_json(_entry(room, request))
