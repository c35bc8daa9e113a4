"""``/api/settings``: the form that is made from the configuration, and what is entered into it."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cardscanner.configfile import file_config, load_config, read_settings
from cardscanner.publish.payload_request import SetRequest
from cardscanner.web.access import Body, body_of, needs
from cardscanner.web.errors import WebRefused
from cardscanner.web.orders import give
from cardscanner.web.room import WebRoom
from cardscanner.web.settings_schema import key_in, settable_values, settings_schema


class Changing(Body):
    """Sections and keys, as ``{"decide": {"min_frames": 4}}``; null takes a change back."""

    options: dict[str, JsonValue]


def routes(room: WebRoom) -> list[BaseRoute]:
    """Return the routes."""

    @needs("admin")
    def settings(_request: Request) -> Response:
        config = load_config(room.config_path)
        stored = read_settings(config)
        return JSONResponse(
            {
                "schema": settings_schema(config),
                "values": settable_values(config),
                "defaults": settable_values(file_config(room.config_path)),
                "changed": sorted(f"{section}.{key}" for section, values in stored.items() for key in values),
            }
        )

    @needs("admin")
    async def change(request: Request) -> Response:
        options = (await body_of(request, Changing)).options
        return await run_in_threadpool(_change, room, options)

    return [
        Route("/api/settings", settings),
        Route("/api/settings", change, methods=["POST"]),
    ]


def _change(room: WebRoom, options: dict[str, Any]) -> Response:
    try:
        answer = give(room, "set", SetRequest, options=options)
    except WebRefused as refused:
        key = key_in(str(refused), options)
        raise WebRefused(refused.status, refused.code, str(refused), key=key) from None
    return JSONResponse(answer.model_dump(mode="json")["data"])
