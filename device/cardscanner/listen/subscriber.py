"""Subscriber: hears one scanner or all of them, across restarts of the broker, each message once.

It has no thread: whoever owns it calls :meth:`Subscriber.step` again and again and gets what is new.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import ValidationError

from cardscanner.config import MqttConfig
from cardscanner.listen.connection import Connection
from cardscanner.listen.gaps import Gaps, Stream
from cardscanner.listen.replays import GRACE_S, Replays
from cardscanner.publish.link import Link
from cardscanner.publish.messages import Letter, Message
from cardscanner.publish.payload import ScanPayload
from cardscanner.publish.payload_event import EventPayload
from cardscanner.publish.status import Troubles
from cardscanner.publish.topics import ROOT, Topics

REQUEST_EXPIRY_S = 30
KINDS = ("status", "scan", "event", "last", "rsp/replay")


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan that was not heard before."""

    payload: ScanPayload
    text: str
    """The message as it came, with the fields that this version does not know."""


@dataclass(frozen=True, slots=True)
class Retraction:
    """A person said that a scan counts no more, or that it counts again."""

    device: str
    scan: str
    """Its id."""
    undone: bool


@dataclass(slots=True)
class Heard:
    """What one step brought, in order of arrival."""

    scans: list[Scan] = field(default_factory=list)
    retractions: list[Retraction] = field(default_factory=list)
    """They mean scans of the same step or of earlier ones."""
    words: list[str] = field(default_factory=list)
    """What a person should know beside."""


class Subscriber:
    """Owned by one thread."""

    def __init__(
        self,
        config: MqttConfig,
        device: str | None,
        gaps: Gaps,
        troubles: Troubles,
        *,
        replay: bool = True,
        grace_s: float = GRACE_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.replays = Replays(gaps, grace_s)
        self.repeated = 0
        """Messages that came more than once and were dropped."""
        self._device = device
        self._gaps = gaps
        self._replay = replay
        self._clock_s = clock_s
        self._connection = Connection(config, "listen", self._subscribe, troubles, clock_s)

    def step(self, wait_s: float) -> Heard:
        """Wait at most ``wait_s`` (opening a connection may take longer) and return what is new.

        Raises
        ------
        BrokerRefused
            The very first connection, or a subscription, is refused: a person has to act. A refusal after the
            first connection is tried again, calmly.
        """
        heard = Heard()
        for message in self._connection.step(wait_s):
            self._take(message, heard)
        if self._connection.link is not None:
            self._ask(self._connection.link, heard)
        return heard

    def close(self) -> None:
        """Leave; safe to call twice."""
        self._connection.close()

    def _subscribe(self, link: Link) -> list[str]:
        topics = [f"{ROOT}/{self._device or '+'}/{kind}" for kind in KINDS]
        link.subscribe(topics, retained=True)
        return topics

    def _take(self, message: Message, heard: Heard) -> None:
        _, device, kind = message.topic.split("/", 2)
        match kind:
            case "status":
                online = message.payload == b"online"
                self.replays.availability(device, online=online)
                heard.words.append(f"{device} is {'online' if online else 'offline'}")
            case "last":
                self._evidence(message)
            case "rsp/replay":
                heard.words += self.replays.answered(device, message.payload, self._clock_s())
            case "event":
                self._take_event(message, heard)
            case _:
                self._take_scan(message, heard)

    def _take_scan(self, message: Message, heard: Heard) -> None:
        try:
            scan = ScanPayload.model_validate_json(message.payload)
        except ValidationError as error:
            heard.words.append(_unreadable(message, error))
            return
        if self._is_new(Stream(scan.device, scan.epoch), scan.seq, scan.id):
            heard.scans.append(Scan(scan, message.payload.decode()))

    def _take_event(self, message: Message, heard: Heard) -> None:
        try:
            event = EventPayload.model_validate_json(message.payload)
        except ValidationError as error:
            heard.words.append(_unreadable(message, error))
            return
        if self._is_new(Stream(event.device, event.epoch), event.seq, event.id):
            heard.words.append(f"{event.device}: {event.event_type}")
            if event.event_type in {"scan_undone", "scan_redone"}:
                undone = event.event_type == "scan_undone"
                heard.retractions.append(Retraction(event.device, str(event.data.get("scan")), undone))

    def _is_new(self, stream: Stream, seq: int, identity: str) -> bool:
        new = self._gaps.hear(stream, seq, identity, self._clock_s())
        self.repeated += not new
        return new

    def _evidence(self, message: Message) -> None:
        """The newest match: it tells that a message of its number exists."""
        try:
            last = ScanPayload.model_validate_json(message.payload)
        except ValidationError:  # emptied by hand, or of another version; it is only a hint
            return
        self._gaps.exists(Stream(last.device, last.epoch), last.seq, self._clock_s())

    def _ask(self, link: Link, heard: Heard) -> None:
        if not self._replay:
            return
        requests, words = self.replays.due(self._clock_s())
        heard.words += words
        for device, request in requests:
            payload = request.model_dump_json(exclude_none=True).encode()
            link.publish(Letter(Topics(device).command("replay"), payload, expiry_s=REQUEST_EXPIRY_S))
            heard.words.append(f"{device}: asked for messages {request.from_seq} to {request.to_seq} again")


def _unreadable(message: Message, error: ValidationError) -> str:
    """Say which message does not fit the contract."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(each) for each in first["loc"]) or "payload"
    return f"a message on {message.topic} was skipped, it does not fit the contract: {place}: {first['msg']}"
