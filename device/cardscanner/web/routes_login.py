"""Claiming the scanner, logging in and out, accounts."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from cardscanner import __version__
from cardscanner.web.access import Body, body_of, needs, user_of
from cardscanner.web.accounts import Account, Role
from cardscanner.web.errors import WebRefused
from cardscanner.web.gate import COOKIE
from cardscanner.web.logins import LIFE_S, User
from cardscanner.web.room import WebRoom

log = structlog.get_logger(__name__)


class _Claim(Body):
    code: str
    name: str
    password: str


class _Login(Body):
    name: str
    password: str


class _NewAccount(Body):
    name: str
    password: str
    role: Role


class _NewPassword(Body):
    old: str
    new: str


def routes(room: WebRoom) -> list[BaseRoute]:
    """Return the routes of this room."""

    async def me(request: Request) -> Response:
        return JSONResponse(_me(room, request.scope["state"]["user"]))

    async def claim(request: Request) -> Response:
        asked = await body_of(request, _Claim)
        account = await _attempt(
            room, request, "claim", lambda: room.accounts.claim(asked.code, asked.name, asked.password)
        )
        log.info("the scanner was claimed", account=account.name)
        return await run_in_threadpool(_logged_in, room, account)

    async def login(request: Request) -> Response:
        asked = await body_of(request, _Login)
        account = await _attempt(
            room, request, asked.name[:64], lambda: room.accounts.login(asked.name, asked.password)
        )
        log.info("logged in", account=account.name, address=_address(request))
        return await run_in_threadpool(_logged_in, room, account)

    @needs("viewer")
    async def logout(request: Request) -> Response:
        await run_in_threadpool(room.logins.end, user_of(request))
        answer = JSONResponse(_me(room, None))
        answer.delete_cookie(COOKIE, path="/")
        return answer

    @needs("viewer")
    async def password(request: Request) -> Response:
        asked, user = await body_of(request, _NewPassword), user_of(request)
        await _attempt(room, request, user.name, lambda: room.accounts.login(user.name, asked.old))
        await run_in_threadpool(_change_password, room, user, asked.new)
        return JSONResponse(_me(room, user))

    return [
        Route("/api/me", me),
        Route("/api/claim", claim, methods=["POST"]),
        Route("/api/login", login, methods=["POST"]),
        Route("/api/logout", logout, methods=["POST"]),
        Route("/api/password", password, methods=["POST"]),
        Route("/claim-code", _claim_code(room)),
        *_accounts(room),
    ]


def _accounts(room: WebRoom) -> list[BaseRoute]:
    @needs("admin")
    def listed(_request: Request) -> Response:
        users = [{"name": each.name, "role": each.role} for each in room.accounts.listed()]
        return JSONResponse({"users": users})

    @needs("admin")
    async def add(request: Request) -> Response:
        asked = await body_of(request, _NewAccount)
        account = await run_in_threadpool(room.accounts.add, asked.name, asked.password, asked.role)
        log.info("account made", account=account.name, role=account.role, by=user_of(request).name)
        return JSONResponse({"name": account.name, "role": account.role}, 201)

    @needs("admin")
    def remove(request: Request) -> Response:
        name = request.path_params["name"]
        room.accounts.remove(name)
        room.logins.end_all_of(name)
        log.info("account removed", account=name, by=user_of(request).name)
        return JSONResponse({})

    return [
        Route("/api/users", listed, methods=["GET"]),
        Route("/api/users", add, methods=["POST"]),
        Route("/api/users/{name}", remove, methods=["DELETE"]),
    ]


def _claim_code(room: WebRoom) -> Callable[[Request], Response]:
    """The code, for who sits at the box itself; a proxy on the box would pass it on, so it must not."""

    def claim_code(request: Request) -> Response:
        forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "via"))
        if not _is_here(request) or forwarded:
            raise WebRefused(403, "not_here", "the code is shown on the scanner itself, and in its log")
        if room.accounts.claimed:
            raise WebRefused(409, "claimed", "this scanner has an owner already: log in")
        return PlainTextResponse(room.accounts.claim_code() + "\n")

    return claim_code


async def _attempt(room: WebRoom, request: Request, name: str, do: Callable[[], Account]) -> Account:
    """Try a code or a password, not more often than anybody needs to."""
    keys = (f"address {_address(request)}", f"name {name}")
    wait_s = room.attempts.begin(*keys)
    if wait_s:
        log.warning("too many attempts to log in", address=_address(request), wait_s=wait_s)
        raise WebRefused(429, "locked", f"too many attempts: try again in {wait_s} s", retry_after_s=wait_s)
    account = await run_in_threadpool(do)
    room.attempts.succeeded(*keys)
    return account


def _logged_in(room: WebRoom, account: Account) -> Response:
    token, user = room.logins.begin(account.name)
    answer = JSONResponse(_me(room, user))
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(LIFE_S),
        path="/",
        secure=room.web.tls is not None,
        httponly=True,
        samesite="strict",
    )
    return answer


def _change_password(room: WebRoom, user: User, password: str) -> None:
    room.accounts.change_password(user.name, password)
    room.logins.keep(user)
    room.logins.end_all_of(user.name, but=user.key)


def _me(room: WebRoom, user: User | None) -> dict[str, object]:
    return {
        "claimed": room.accounts.claimed,
        "user": None if user is None else {"name": user.name, "role": user.role},
        "csrf": None if user is None else user.csrf,
        "device": room.config.device_id,
        "version": __version__,
    }


def _address(request: Request) -> str:
    return request.client.host if request.client else "?"


def _is_here(request: Request) -> bool:
    try:
        return ip_address(_address(request)).is_loopback
    except ValueError:
        return False
