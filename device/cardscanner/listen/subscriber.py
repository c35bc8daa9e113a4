"""Subscriber: hears one scanner or all of them, across restarts of the broker, each message once.

It has no thread: whoever owns it calls :meth:`Subscriber.step` again and again and gets what is new.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex

from pydantic import ValidationError

from cardscanner.config import MqttConfig
from cardscanner.errors import BrokerRefused, PublishError
from cardscanner.listen.gaps import Gaps, Stream
from cardscanner.listen.replays import GRACE_S, Replays
from cardscanner.publish.doorbell import Doorbell
from cardscanner.publish.link import Ended, Link, connect
from cardscanner.publish.messages import Letter, Message
from cardscanner.publish.payload import ScanPayload
from cardscanner.publish.payload_event import EventPayload
from cardscanner.publish.reconnection import Reconnection
from cardscanner.publish.status import Troubles
from cardscanner.publish.topics import ROOT, Topics

CONNECT_S = 3.0
CONNACK_S = 5.0
REQUEST_EXPIRY_S = 30
KINDS = ("status", "scan", "event", "last", "rsp/replay")
_LOOK_S = 0.5


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
        where = f"broker {config.host}:{config.port}"
        self.replays = Replays(gaps, grace_s)
        self.repeated = 0
        """Messages that came more than once and were dropped."""
        self._config = config
        self._where = where
        self._device = device
        self._gaps = gaps
        self._troubles = troubles
        self._replay = replay
        self._clock_s = clock_s
        self._client_id = f"cardscanner-listen-{token_hex(6)}"
        self._reconnection = Reconnection(
            where, troubles, mqtt5=config.protocol == "5", tls=config.tls is not None
        )
        self._bell = Doorbell()
        self._link: Link | None = None
        self._opened_s = 0.0
        self._accepted_s: float | None = None
        self._been_connected = False

    def step(self, wait_s: float) -> Heard:
        """Wait at most ``wait_s`` (opening a connection may take longer) and return what is new.

        Raises
        ------
        BrokerRefused
            The very first connection, or a subscription, is refused: a person has to act. A refusal after the
            first connection is tried again, calmly.
        """
        heard = Heard()
        now_s = self._clock_s()
        if self._link is None and self._reconnection.wait_s(now_s) <= 0:
            self._open(now_s)
        if self._link is None:
            self._bell.wait(min(wait_s, self._reconnection.wait_s(now_s)))
            return heard
        self._link.wait(min(wait_s, _LOOK_S), self._bell)
        self._look_after(self._link)
        while self._link is not None and self._link.messages:
            self._take(self._link.messages.popleft(), heard)
        if self._link is not None and self._accepted_s is not None:
            self._ask(self._link, heard)
        return heard

    def close(self) -> None:
        """Leave; safe to call twice."""
        if self._link is not None:
            self._link.disconnect()
            self._drop(self._link)
        self._bell.close()

    def _open(self, now_s: float) -> None:
        self._opened_s = now_s
        try:
            self._link = connect(self._config, self._client_id, None, CONNECT_S)
        except BrokerRefused as refusal:
            if not self._been_connected:
                raise
            self._reconnection.refused(str(refusal), self._clock_s())
        except PublishError as trouble:
            self._reconnection.unreachable(str(trouble), self._clock_s())

    def _look_after(self, link: Link) -> None:
        now_s = self._clock_s()
        if link.ended:
            self._lost(link, link.ended, now_s)
        elif link.accepted and self._accepted_s is None:
            self._accepted_s = now_s
            link.subscribe(self._topics(), retained=True)
        elif self._accepted_s is None and now_s - self._opened_s > CONNACK_S:
            self._lost(link, Ended(None, f"no answer to CONNECT within {CONNACK_S:.0f} s"), now_s)
        elif link.deaf:
            self._denied(link, link.deaf, now_s)
        elif link.subscribed:
            self._been_connected = True
            self._reconnection.works()

    def _denied(self, link: Link, reason: str, now_s: float) -> None:
        cause = (
            f"{self._where}: we may not subscribe to {', '.join(self._topics())}: {reason}: allow it in its "
            "access rules, or name a device that may be heard"
        )
        if not self._been_connected:
            raise BrokerRefused(cause)
        self._drop(link)
        self._reconnection.refused(cause, now_s)

    def _lost(self, link: Link, end: Ended, now_s: float) -> None:
        lived_s = now_s - (self._accepted_s or now_s)
        self._drop(link)
        self._reconnection.ended(end, link.accepted, lived_s, now_s)
        if "mqtt_refused" in self._troubles.reasons and not self._been_connected:
            raise BrokerRefused(self._troubles.newest or end.text)

    def _drop(self, link: Link) -> None:
        link.close()
        self._link = None
        self._accepted_s = None

    def _topics(self) -> list[str]:
        return [f"{ROOT}/{self._device or '+'}/{kind}" for kind in KINDS]

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
