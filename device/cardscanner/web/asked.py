"""Reading what an address says; a mistake names what is allowed."""

from __future__ import annotations

import re

from starlette.requests import Request

from cardscanner.publish.payload import ULID
from cardscanner.web.errors import WebRefused


def whole_number(request: Request, name: str, usual: int, least: int, most: int) -> int:
    """Return a number of the query."""
    text = request.query_params.get(name)
    if text is None:
        return usual
    if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
        raise bad(f"{name}: a whole number from {least} to {most}, not {text[:40]!r}")
    return int(text)


def session_number(request: Request) -> int | None:
    """Return the session that is asked for; ``None``: all of them."""
    text = request.query_params.get("session")
    return None if text in (None, "") else whole_number(request, "session", 0, 0, 10**9 - 1)


def scan_id(text: str) -> str:
    """Return the id of a scan."""
    if not re.fullmatch(ULID, text):
        raise WebRefused(404, "not_found", "there is no such scan: its id is a ULID of 26 letters and digits")
    return text


def bad(message: str) -> WebRefused:
    """Return the refusal of a request that is no such request."""
    return WebRefused(422, "bad_request", message)
