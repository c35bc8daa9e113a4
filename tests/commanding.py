"""Asking a scanner over MQTT and waiting for its answers."""

from __future__ import annotations

import json
from secrets import token_hex
from typing import Any

from contract_check import check_answer, check_command
from listeners import Heard, Listener

from cardscanner.publish.orders import AnyAnswer, Order, good
from cardscanner.publish.payload_answer import PingData

PREFIX = "cardscanner/_rsp/"


class YesDesk:
    """A desk that says yes to everything and keeps count."""

    def __init__(self) -> None:
        self.taken: list[Order] = []
        self._done: list[tuple[Order, AnyAnswer]] = []

    def take(self, order: Order) -> None:
        self.taken.append(order)
        data = PingData(device="box-1", daemon="0", uptime_s=1.0) if order.command == "ping" else None
        self._done.append((order, good(order, data)))

    def done(self) -> list[tuple[Order, AnyAnswer]]:
        ready, self._done = self._done, []
        return ready


def ask(
    listener: Listener, device: str, command: str, timeout_s: float = 15.0, **arguments: Any
) -> dict[str, Any]:
    """Send a command as its schema has it, and return the one answer to its transaction."""
    request = {"transaction": token_hex(8), **arguments}
    check_command(command, request)
    listener.say(f"cardscanner/{device}/cmd/{command}", json.dumps(request).encode())
    return answer_to(listener, request["transaction"], timeout_s)


def ask_privately(
    listener: Listener, device: str, command: str, correlation: bytes, **arguments: Any
) -> dict[str, Any]:
    """Ask as MQTT 5 has it: with a Response Topic; the listener must hear it."""
    check_command(command, arguments)
    listener.say(
        f"cardscanner/{device}/cmd/{command}",
        json.dumps(arguments).encode(),
        ResponseTopic=f"{PREFIX}tests",
        CorrelationData=correlation,
    )

    def private(heard: list[Heard]) -> list[Heard]:
        return [each for each in heard if each.topic == f"{PREFIX}tests" and each.correlation == correlation]

    answer: dict[str, Any] = private(listener.wait_for(lambda heard: bool(private(heard))))[0].json()
    check_answer(command, answer)
    return answer


def answers_to(listener: Listener, transaction: str) -> list[dict[str, Any]]:
    """Return the answers to a transaction on ``rsp/...`` so far."""
    return [
        each.json()
        for each in listener.heard()
        if "/rsp/" in each.topic and each.json()["transaction"] == transaction
    ]


def answer_to(listener: Listener, transaction: str, timeout_s: float = 15.0) -> dict[str, Any]:
    """Wait for the answer to a transaction."""
    needle = f'"{transaction}"'.encode()
    listener.wait_for(
        lambda heard: any("/rsp/" in each.topic and needle in each.payload for each in heard), timeout_s
    )
    return answers_to(listener, transaction)[0]
