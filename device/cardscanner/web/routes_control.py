"""``/api/scanning``, ``/api/reload``, ``/api/restart``."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cardscanner.publish.payload_request import ScanningRequest
from cardscanner.web.access import Body, body_of, needs
from cardscanner.web.orders import give
from cardscanner.web.room import WebRoom


class Scanning(Body):
    """Whether to scan."""

    on: bool


def routes(room: WebRoom) -> list[BaseRoute]:
    """Return the routes."""

    @needs("admin")
    async def scanning(request: Request) -> Response:
        on = (await body_of(request, Scanning)).on
        await run_in_threadpool(give, room, "scanning", ScanningRequest, on=on)
        return JSONResponse({"on": on})

    @needs("admin")
    def reload(_request: Request) -> Response:
        give(room, "reload")
        return JSONResponse({"accepted": True}, status_code=202)

    @needs("admin")
    def restart(_request: Request) -> Response:
        give(room, "restart")
        return JSONResponse({"accepted": True}, status_code=202)

    return [
        Route("/api/scanning", scanning, methods=["POST"]),
        Route("/api/reload", reload, methods=["POST"]),
        Route("/api/restart", restart, methods=["POST"]),
    ]
