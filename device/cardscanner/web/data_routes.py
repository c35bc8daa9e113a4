"""The routes of the page's data, in one list."""

from __future__ import annotations

from starlette.routing import BaseRoute

from cardscanner.web import (
    routes_bug,
    routes_cards,
    routes_control,
    routes_export,
    routes_live,
    routes_scans,
    routes_settings,
    routes_state,
)
from cardscanner.web.room import WebRoom

_MODULES = (
    routes_state,
    routes_live,
    routes_scans,
    routes_export,
    routes_cards,
    routes_settings,
    routes_control,
    routes_bug,
)


def data_routes(room: WebRoom) -> list[BaseRoute]:
    """Return every route that shows or changes what the box does."""
    return [route for module in _MODULES for route in module.routes(room)]
