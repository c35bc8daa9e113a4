"""Who asks, and what with: roles and bodies of requests."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from cardscanner.web.accounts import Role
from cardscanner.web.errors import WebRefused
from cardscanner.web.logins import User

Endpoint = Callable[[Request], Response] | Callable[[Request], Awaitable[Response]]
M = TypeVar("M", bound="Body")


class Body(BaseModel):
    """What a request carries; an unknown or missing field is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def needs(role: Role) -> Callable[[Endpoint], Callable[[Request], Awaitable[Response]]]:
    """Let an endpoint be used by those who are logged in with this role, or more.

    An endpoint that is no coroutine runs in a thread, where it may wait for a disk.
    """

    def guarded(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        @wraps(endpoint)
        async def checked(request: Request) -> Response:
            if not user_of(request).may(role):
                raise WebRefused(403, "not_allowed", f"this needs an account with the role {role}")
            if iscoroutinefunction(endpoint):
                response: Response = await endpoint(request)
                return response
            return await run_in_threadpool(endpoint, request)  # type: ignore[arg-type]

        return checked

    return guarded


def user_of(request: Request) -> User:
    """Return who asks.

    Raises
    ------
    WebRefused
        401: nobody is logged in.
    """
    user: User | None = request.scope["state"]["user"]
    if user is None:
        raise WebRefused(401, "login", "log in first")
    return user


async def body_of(request: Request, kind: type[M]) -> M:
    """Return what a request carries.

    Raises
    ------
    WebRefused
        400: no JSON; 422: another shape, with the field's name.
    """
    try:
        found: Any = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise WebRefused(400, "bad_request", "this is no JSON") from None
    return checked_body(found, kind)


def checked_body(found: Any, kind: type[M]) -> M:
    """Return a decoded body as what the endpoint takes; raises as :func:`body_of`."""
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        key = ".".join(str(each) for each in first["loc"])
        raise WebRefused(422, "bad_request", f"{key or 'body'}: {first['msg']}", key=key or None) from None
