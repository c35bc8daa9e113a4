"""``/api/cards``: the cards of the database, and their reference pictures."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cardscanner.records import Card
from cardscanner.web.access import needs
from cardscanner.web.asked import whole_number
from cardscanner.web.errors import WebRefused
from cardscanner.web.room import WebRoom
from cardscanner.web.shelf import Shelf

MOST_CARDS = 100
_LONGEST_QUERY = 200
_KEEP = {"Cache-Control": "private, max-age=3600"}


def routes(room: WebRoom) -> list[BaseRoute]:
    """Return the routes."""
    shelf = Shelf(room.config.index.database, lambda: room.vitals.database)

    @needs("viewer")
    def cards(request: Request) -> Response:
        limit = whole_number(request, "limit", 20, 1, MOST_CARDS)
        query = request.query_params.get("q", "")[:_LONGEST_QUERY]
        with shelf.catalogue() as catalogue:
            found = catalogue.search(query, limit)
        return JSONResponse({"cards": [_document(each) for each in found]})

    @needs("viewer")
    def picture(request: Request) -> Response:
        with shelf.catalogue() as catalogue:
            data = catalogue.picture(request.path_params["card_id"])
        if data is None:
            raise WebRefused(404, "not_found", "the database has no such card, or no picture of it")
        return Response(data, media_type="image/jpeg", headers=_KEEP)

    return [Route("/api/cards", cards), Route("/api/cards/{card_id:path}/picture.jpg", picture)]


def _document(card: Card) -> dict[str, str | None]:
    known = {"set": None, "number": None, "lang": None} | dict(card.metadata)
    return known | {"card_id": card.card_id, "name": card.name}
