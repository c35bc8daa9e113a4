"""Orders: commands that were understood, on their way to who does them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, Protocol, TypeVar

from cardscanner.publish.payload import Payload
from cardscanner.publish.payload_answer import Answer, AnswerError, ErrorCode
from cardscanner.publish.payload_request import Request

AnyAnswer = Answer[Any]
R = TypeVar("R", bound=Request)


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """One command, and where its answer goes."""

    command: str
    request: Request
    deadline_s: float = inf
    """On the monotonic clock: nobody wants it done after that."""
    response_topic: str | None = None
    correlation: bytes | None = None


class Desk(Protocol):
    """Does commands. Owned by the publish thread; what takes long happens elsewhere."""

    def take(self, order: Order) -> None:
        """Accept an order; its one answer comes through :meth:`done`, now or later."""

    def done(self) -> list[tuple[Order, AnyAnswer]]:
        """Return what has been answered since the last call."""


def asked(order: Order, kind: type[R]) -> R:
    """Return an order's request as what its command takes."""
    if not isinstance(order.request, kind):
        raise TypeError(f"{order.command}: {type(order.request).__name__} is not {kind.__name__}")
    return order.request


def good(order: Order, data: Payload | None = None, *, restart: bool = False) -> AnyAnswer:
    """Return the answer to an order that was carried out."""
    return AnyAnswer(transaction=order.request.transaction, status="ok", data=data, restart_required=restart)


def accepted(order: Order) -> AnyAnswer:
    """Return the answer to an order that is carried out after this answer has gone."""
    return AnyAnswer(transaction=order.request.transaction, status="accepted")


def bad(transaction: str | None, code: ErrorCode, message: str) -> AnyAnswer:
    """Return the answer to an order that is not carried out."""
    return AnyAnswer(transaction=transaction, status="error", error=AnswerError(code=code, message=message))
