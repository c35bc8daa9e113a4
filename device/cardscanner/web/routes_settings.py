"""``/api/settings``: the form that is made from the configuration, and what is entered into it."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cardscanner.configfile import file_config, load_config, read_settings
from cardscanner.publish.payload_request import SetRequest
from cardscanner.web.access import needs
from cardscanner.web.asked import bad, json_body
from cardscanner.web.errors import WebRefused
from cardscanner.web.orders import give
from cardscanner.web.room import WebRoom
from cardscanner.web.settings_schema import key_in, settable_values, settings_schema


def routes(room: WebRoom) -> list[BaseRoute]:
    """Return the routes."""

    @needs("admin")
    def settings(_request: Request) -> Response:
        config = load_config(room.config_path)
        stored = read_settings(config)
        return JSONResponse({
            "schema": settings_schema(config),
            "values": settable_values(config),
            "defaults": settable_values(file_config(room.config_path)),
            "changed": sorted(f"{section}.{key}" for section, values in stored.items() for key in values),
        })

    @needs("admin")
    async def change(request: Request) -> Response:
        options = (await json_body(request)).get("options")
        if not isinstance(options, dict):
            raise bad('options: sections and keys, for example {"decide": {"min_frames": 4}}')
        return await run_in_threadpool(_change, room, options)

    return [
        Route("/api/settings", settings),
        Route("/api/settings", change, methods=["POST"]),
    ]


def _change(room: WebRoom, options: dict[str, Any]) -> Response:
    try:
        data = give(room, "set", SetRequest, options=options).data
    except WebRefused as refused:
        error = {"code": refused.code, "message": str(refused), "key": key_in(str(refused), options)}
        return JSONResponse({"error": error}, status_code=refused.status)
    return JSONResponse(data.model_dump(mode="json"))
