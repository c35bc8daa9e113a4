"""``/live.mjpeg``: the camera's picture with what is seen in it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cardscanner.web.access import needs
from cardscanner.web.gate import logged_in
from cardscanner.web.live_stream import MEDIA_TYPE, LiveStream
from cardscanner.web.room import WebRoom
from cardscanner.web.streaming import Streamed


def routes(room: WebRoom) -> list[BaseRoute]:
    """Return the routes."""
    stream = LiveStream(room.live, room.control.slot, room.control.stopping)

    @needs("viewer")
    async def live(request: Request) -> Response:
        return Streamed(stream.viewing(), MEDIA_TYPE, allowed=logged_in(room, request))

    return [Route("/live.mjpeg", live)]
