"""Gate: what every request passes before anything of ours looks at it.

Closed by default: what is not listed as public needs a login, and what changes anything needs the login's
CSRF token as well. Roles are the routes' own business, see :mod:`access`.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cardscanner.web.errors import WebRefused, refusal_answer
from cardscanner.web.hosts import Hosts
from cardscanner.web.logins import User
from cardscanner.web.room import WebRoom

COOKIE = "cardscanner_session"
CSRF_HEADER = "x-csrf-token"
LARGEST_BODY_BYTES = 64 * 1024
BODY_WITHIN_S = 20.0

_PUBLIC = ("/", "/api/me", "/api/claim", "/api/login", "/claim-code", "/health/live", "/health/ready")
_PUBLIC_FOLDER = "/static/"
_BEFORE_LOGIN = ("/api/claim", "/api/login")
"""Writes that need no login, because they make one; each is rate-limited."""
_READING = ("GET", "HEAD")

_SECURITY = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Gate:
    """ASGI middleware around the whole page."""

    def __init__(self, app: ASGIApp, room: WebRoom) -> None:
        self._app = app
        self._room = room
        self._hosts = Hosts(room.web.names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] != "http":
            return
        guarded = _with_headers(send, scope["path"])
        try:
            self._check(scope)
        except WebRefused as refused:
            await refusal_answer(refused)(scope, receive, guarded)
            return
        await self._app(scope, _Bounded(scope, receive), guarded)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._hosts.allow(host):
            raise WebRefused(
                421, "wrong_host", f"{host[:80]!r} is no name of this scanner; add it to web.names if it is"
            )
        if int_or(headers.get("content-length"), 0) > LARGEST_BODY_BYTES:
            raise WebRefused(413, "too_large", f"a request may have {LARGEST_BODY_BYTES} bytes")
        user = self._room.logins.user(_token(headers))
        scope.setdefault("state", {})["user"] = user
        path, reading = scope["path"], scope["method"] in _READING
        if not reading:
            _check_write(headers, host, user, before_login=path in _BEFORE_LOGIN)
        if user is None and not self._is_public(path):
            raise WebRefused(401, "login", "log in first")

    def _is_public(self, path: str) -> bool:
        if path == "/metrics":
            return self._room.web.metrics == "open"
        return path in _PUBLIC or path.startswith(_PUBLIC_FOLDER)


def _check_write(headers: Headers, host: str, user: User | None, *, before_login: bool) -> None:
    """A page of somebody else can neither read the token nor send JSON here unasked."""
    if user is None and not before_login:
        raise WebRefused(401, "login", "log in first")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        raise WebRefused(403, "wrong_origin", "this request comes from another page")
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise WebRefused(415, "not_json", "send JSON, with Content-Type: application/json")
    if before_login:
        return
    given = headers.get(CSRF_HEADER, "")
    if user is None or not hmac.compare_digest(given.encode(), user.csrf.encode()):
        raise WebRefused(403, "csrf", "the header X-CSRF-Token is missing or old: load the page again")


class _Bounded:
    """Receives a body that is neither too large nor too slow."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._size = 0
        self._over = scope["method"] in _READING
        self._end_s = asyncio.get_running_loop().time() + BODY_WITHIN_S

    async def __call__(self) -> Message:
        if self._over:  # nothing but the end of the connection can come
            return await self._receive()
        left_s = self._end_s - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, left_s))
        except TimeoutError:
            raise WebRefused(408, "too_slow", "the request did not arrive in time") from None
        self._size += len(message.get("body", b""))
        self._over = not message.get("more_body", False)
        if self._size > LARGEST_BODY_BYTES:
            raise WebRefused(413, "too_large", f"a request may have {LARGEST_BODY_BYTES} bytes")
        return message


def _with_headers(send: Send, path: str) -> Send:
    """Add what protects the page to every answer; only files that never hold data may be cached."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _SECURITY.items():
                headers.setdefault(name, value)
            cached = path == "/" or path.startswith(_PUBLIC_FOLDER)
            headers.setdefault("Cache-Control", "no-cache" if cached else "no-store")
        await send(message)

    return guarded


def _token(headers: Headers) -> str | None:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookies[COOKIE].value if COOKIE in cookies else None


def logged_in(room: WebRoom, request: Request) -> Callable[[], bool]:
    """Return how to ask whether whoever sent this request is still logged in."""
    token = _token(request.headers)
    return lambda: room.logins.user(token) is not None


def int_or(text: str | None, default: int) -> int:
    """Return the number that a header holds."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else default
