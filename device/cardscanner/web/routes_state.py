"""``/api/state`` and ``/api/stream``: how the box is, once and from now on."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cardscanner.web.access import needs
from cardscanner.web.feed import Feed
from cardscanner.web.gate import logged_in
from cardscanner.web.present import present_state
from cardscanner.web.room import WebRoom
from cardscanner.web.streaming import Streamed


def routes(room: WebRoom) -> list[BaseRoute]:
    """Return the routes."""
    feed = Feed(room)

    @needs("viewer")
    async def state(_request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(present_state, room, feed.hints))

    @needs("viewer")
    async def stream(request: Request) -> Response:
        again = "last-event-id" in request.headers
        return Streamed(feed.listening(again=again), "text/event-stream", allowed=logged_in(room, request))

    return [Route("/api/state", state), Route("/api/stream", stream)]
