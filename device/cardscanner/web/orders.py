"""Commands that the page gives: the same handlers, checks and answers as over MQTT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from cardscanner.publish.orders import AnyAnswer, Order
from cardscanner.publish.payload_answer import ErrorCode
from cardscanner.publish.payload_request import Request
from cardscanner.web.errors import WebRefused
from cardscanner.web.room import WebRoom

STATUS: Mapping[ErrorCode, int] = {
    "bad_request": 422,
    "unknown_command": 404,
    "too_large": 413,
    "expired": 503,
    "busy": 503,
    "not_allowed": 403,
    "not_found": 404,
    "not_available": 503,
    "failed": 500,
}


def give(room: WebRoom, command: str, kind: type[Request] = Request, **fields: Any) -> AnyAnswer:
    """Have a command carried out and return its answer.

    Raises
    ------
    WebRefused
        It is not one, or it was not carried out.
    """
    try:
        request = kind(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"])
        raise WebRefused(422, "bad_request", f"{where}: {first['msg']}") from None
    answer = room.desk.perform(Order(command, request))
    if answer.error is not None:
        raise WebRefused(STATUS[answer.error.code], answer.error.code, answer.error.message)
    return answer
