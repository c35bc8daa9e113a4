"""The page as one ASGI application: what it is made of."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from cardscanner.errors import CardscannerError, CommandRefused, HistoryFault, OutboxFault
from cardscanner.web import (
    routes_bug,
    routes_cards,
    routes_control,
    routes_export,
    routes_health,
    routes_live,
    routes_login,
    routes_scans,
    routes_settings,
    routes_state,
)
from cardscanner.web.errors import WebRefused, refusal_answer
from cardscanner.web.gate import Gate
from cardscanner.web.room import WebRoom

STATIC = Path(__file__).parent / "static"

_STATUS = {"bad_request": 422, "busy": 503, "not_found": 404, "not_available": 409, "failed": 500}
_WORDS = {404: "there is nothing here", 405: "this cannot be done here"}


def make_app(room: WebRoom) -> Starlette:
    """Return the application of one run."""
    return Starlette(
        routes=[
            Route("/", _index),
            Mount("/static", StaticFiles(directory=STATIC)),
            *every_route(room),
        ],
        middleware=[Middleware(Gate, room=room)],
        exception_handlers={
            WebRefused: _refused,
            CardscannerError: _failed,
            HTTPException: _http,
        },
    )


def every_route(room: WebRoom) -> list[BaseRoute]:
    """Return what answers with data."""
    kinds = (
        routes_login,
        routes_health,
        routes_state,
        routes_live,
        routes_scans,
        routes_cards,
        routes_export,
        routes_settings,
        routes_control,
        routes_bug,
    )
    return [route for kind in kinds for route in kind.routes(room)]


def _index(_request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, WebRefused)  # noqa: S101 - as registered
    return refusal_answer(error)


def _failed(_request: Request, error: Exception) -> Response:
    if isinstance(error, CommandRefused):
        return refusal_answer(WebRefused(_STATUS[error.code], error.code, str(error)))
    away = isinstance(error, HistoryFault | OutboxFault)
    return refusal_answer(WebRefused(503 if away else 500, "failed", str(error)))


def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered
    words = _WORDS.get(error.status_code, error.detail)
    code = {404: "not_found", 405: "not_allowed"}.get(error.status_code, "bad_request")
    return refusal_answer(WebRefused(error.status_code, code, words))
