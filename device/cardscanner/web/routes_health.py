"""``/health/live``, ``/health/ready`` and ``/metrics``: for those who watch the box from outside."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cardscanner.web.metrics import exposition
from cardscanner.web.present import present_parts
from cardscanner.web.room import WebRoom

_NEEDED = ("camera", "accelerator", "model", "database", "outbox", "broker")
"""Without these no scan gets out; what is only uncomfortable (heat, clock) does not make a box unready."""


def routes(room: WebRoom) -> list[BaseRoute]:
    """Return the routes of this room."""

    def live(_request: Request) -> Response:
        stuck = room.stuck()
        return JSONResponse({"live": not stuck, "stuck": stuck}, 503 if stuck else 200)

    def ready(_request: Request) -> Response:
        reasons = [
            {"part": each.part, "words": each.words, "fix": each.fix}
            for each in present_parts(room)
            if each.part in _NEEDED and each.condition in ("bad", "warning")
        ]
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    def metrics(_request: Request) -> Response:
        body, media_type = exposition(room)
        return Response(body, media_type=media_type)

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
    ]
