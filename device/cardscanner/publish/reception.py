"""Reception: turns messages into orders and acknowledgements, and answers into letters.

A command is taken at most once: not when it is retained (a command that waits on the broker for whoever
connects would be carried out again and again), not after its time, and one transaction is answered once on
``rsp/<name>``. Who repeats it with a Response Topic of its own gets the same answer there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from math import inf

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from cardscanner.publish.contract import COMMANDS
from cardscanner.publish.messages import Letter, Message
from cardscanner.publish.orders import AnyAnswer, Desk, Order, bad
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.payload_ack import AckPayload
from cardscanner.publish.payload_request import Request
from cardscanner.publish.topics import Topics
from cardscanner.publish.transactions import KEEP_S, Transactions

log = structlog.get_logger(__name__)

MAX_COMMAND_BYTES = 65_536
_WORDS_SHOWN = 500
_NAME = re.compile(r"[a-z_]{1,32}")


class _Signed(BaseModel):
    """The part of a request that can be read when the rest cannot."""

    model_config = ConfigDict(extra="ignore", strict=True)

    transaction: str | None = None


class Reception:
    """Owned by the publish thread."""

    def __init__(
        self,
        topics: Topics,
        desk: Desk,
        outbox: Outbox,
        transactions: Transactions,
        response_prefix: str,
        clock_s: Callable[[], float],
    ) -> None:
        self.counts: Counter[str] = Counter()
        """What became of the commands."""
        self._topics = topics
        self._desk = desk
        self._outbox = outbox
        self._response_prefix = response_prefix
        self._clock_s = clock_s
        self._transactions = transactions
        self._ready: list[Letter] = []

    def hear(self, message: Message) -> None:
        """Take one message."""
        command = self._topics.command_of(message.topic)
        consumer = self._topics.consumer_of(message.topic)
        if message.retain:
            self.counts["retained"] += 1
        elif consumer is not None:
            self._confirm(consumer, message)
        elif command is not None:
            self._command(command, message)

    def replies(self, max_packet: float = inf) -> list[Letter]:
        """Return the answers that are ready; one that the broker would not take is replaced by an error."""
        for order, answer in self._desk.done():
            self._reply(order.command, answer, order.response_topic, order.correlation, max_packet)
        ready, self._ready = self._ready, []
        return ready

    def _confirm(self, consumer: str, message: Message) -> None:
        try:
            ack = AckPayload.model_validate_json(message.payload[:MAX_COMMAND_BYTES])
        except ValidationError as error:
            self.counts["ack_malformed"] += 1
            log.warning("an acknowledgement cannot be read", consumer=consumer, error=_said(error))
            return
        known = self._outbox.confirmed(consumer, ack.epoch, ack.seq)
        self.counts["ack" if known else "ack_unknown"] += 1

    def _command(self, name: str, message: Message) -> None:
        if name not in COMMANDS and not _NAME.fullmatch(name):
            self.counts["ignored"] += 1
            return
        if len(message.payload) > MAX_COMMAND_BYTES:
            self._refuse(name, bad(None, "too_large", f"a command has at most {MAX_COMMAND_BYTES} bytes"))
            return
        payload = message.payload or b"{}"
        transaction = _transaction(payload)
        if transaction is None or self._is_new(transaction, name, message):
            self._understand(name, payload, transaction, message)

    def _is_new(self, transaction: str, name: str, message: Message) -> bool:
        """Tell whether a transaction is new; one that was answered gets its answer once more, in private."""
        now_s = self._clock_s()
        before = self._transactions.find(transaction, now_s)
        if before is None:
            begun = self._transactions.begin(transaction, name, now_s)
            if not begun:
                self.counts["too_many"] += 1
            return begun
        self.counts["repeated"] += 1
        if before.answer is not None and before.command == name and self._allowed(message.response_topic):
            self._send(message.response_topic, before.answer, message.correlation)
        return False

    def _understand(self, name: str, payload: bytes, transaction: str | None, message: Message) -> None:
        if name not in COMMANDS:
            known = ", ".join(COMMANDS)
            self._refuse(name, bad(transaction, "unknown_command", f"{name} is none of: {known}"))
            return
        if message.response_topic is not None and not self._allowed(message.response_topic):
            words = f"the Response Topic must begin with {self._response_prefix} and have no wildcards"
            self._refuse(name, bad(transaction, "not_allowed", words))
            return
        try:
            request = COMMANDS[name].request.model_validate_json(payload)
        except ValidationError as error:
            answer = bad(transaction, "bad_request", _said(error))
            self._refuse(name, answer, message.response_topic, message.correlation)
            return
        self._desk.take(self._order(name, request, message))

    def _order(self, name: str, request: Request, message: Message) -> Order:
        deadline_s = inf if message.expiry_s is None else self._clock_s() + message.expiry_s
        return Order(name, request, deadline_s, message.response_topic, message.correlation)

    def _allowed(self, response_topic: str | None) -> bool:
        return (
            response_topic is not None
            and response_topic.startswith(self._response_prefix)
            and not set(response_topic) & set("+#\0")
        )

    def _refuse(
        self,
        name: str,
        answer: AnyAnswer,
        response_topic: str | None = None,
        correlation: bytes | None = None,
    ) -> None:
        self._reply(name, answer, response_topic, correlation, inf)

    def _reply(
        self,
        name: str,
        answer: AnyAnswer,
        response_topic: str | None,
        correlation: bytes | None,
        max_packet: float,
    ) -> None:
        payload = answer.to_bytes()
        if len(payload) + MAX_COMMAND_BYTES // 64 + len(response_topic or "") > max_packet:
            answer = bad(answer.transaction, "failed", "the answer is larger than the broker takes")
            payload = answer.to_bytes()
        self.counts["answered" if answer.error is None else answer.error.code] += 1
        if answer.transaction is not None:
            self._transactions.finish(answer.transaction, payload, self._clock_s())
        self._send(self._topics.answer(name), payload, correlation)
        self._send(response_topic, payload, correlation)

    def _send(self, topic: str | None, payload: bytes, correlation: bytes | None) -> None:
        if topic is not None:
            self._ready.append(Letter(topic, payload, correlation=correlation, expiry_s=int(KEEP_S)))


def _transaction(payload: bytes) -> str | None:
    try:
        found = _Signed.model_validate_json(payload).transaction
    except ValidationError:
        return None
    return found if found and len(found) <= 128 else None


def _said(error: ValidationError) -> str:
    """Say what is wrong with a payload, in one line; its content is not repeated."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    words = (f"{'.'.join(map(str, each['loc'])) or 'payload'}: {each['msg']}" for each in found)
    return "; ".join(words)[:_WORDS_SHOWN]
