"""A box that scans on command, for tests of consumers: publishes scans, answers ``replay``, skips at will."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from ulid import ULID

from cardscanner.publish.payload import (
    ArtifactRef,
    CandidatePayload,
    CardPayload,
    DatabaseRef,
    ScanPayload,
)
from cardscanner.publish.payload_answer import Answer, AnswerError, ReplayData, Span
from cardscanner.publish.payload_event import EventPayload
from cardscanner.publish.payload_request import ReplayRequest
from cardscanner.publish.topics import Topics


def scan_payload(seq: int, *, device: str = "box-1", epoch: str = "b3f0", **changes: Any) -> ScanPayload:
    """Return the scan of one card; its name carries the number."""
    number = f"{seq}"
    fields = {
        "event_type": "match",
        "match": "exact",
        "id": str(ULID()),
        "epoch": epoch,
        "seq": seq,
        "device": device,
        "ts": datetime(2026, 9, 30, 12, 0, 3, 412_000, UTC),
        "ts_source": "ntp",
        "boot_id": "5d1c",
        "mono_ms": seq,
        "camera": "top",
        "card": CardPayload(
            game="mtg", card_id=f"neo-{number}", name=f"Card {number}", set="neo", number=number, lang="en"
        ),
        "score": 0.942,
        "margin": 0.481,
        "candidates": (CandidatePayload(card_id=f"neo-{number}", name=f"Card {number}", score=0.942),),
        "repeat_of": None,
        "frames": 4,
        "latency_ms": {"find": 6.1},
        "model": ArtifactRef(name="first", sha256="a" * 64),
        "db": DatabaseRef(version="1", sha256="b" * 64),
        **changes,
    }
    return ScanPayload(**fields)


class Box:
    """Runs until the block ends; keeps what it has sent, as an outbox does."""

    def __init__(self, port: int, device: str = "box-1", epoch: str = "b3f0") -> None:
        self.topics = Topics(device)
        self.asked: list[ReplayRequest] = []
        self.kept: dict[int, ScanPayload] = {}
        self.refusal: AnswerError | None = None
        self.mute = False
        self._epoch = epoch
        self._port = port
        self._connected = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2, f"box-{token_hex(4)}", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.will_set(self.topics.status, b"offline", qos=1, retain=True)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._connected.set()
        self._client.on_disconnect = lambda *_: self._connected.clear()
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port, 10)
        self._client.loop_start()
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_connect = self._client.on_subscribe = None
        self._client.on_disconnect = self._client.on_message = None

    def wait(self, timeout_s: float = 20.0) -> None:
        """Wait until it is connected."""
        assert self._connected.wait(timeout_s), "the box does not reach the broker"

    def scan(self, seq: int, *, heard: bool = True, **changes: Any) -> ScanPayload:
        """Decide a card; ``heard``: whether the broker passes it on."""
        scan = scan_payload(seq, device=self.topics.device_id, epoch=self._epoch, **changes)
        self.kept[seq] = scan
        if heard:
            self.send(scan)
        return scan

    def send(self, scan: ScanPayload) -> None:
        """Publish a scan."""
        self._publish(self.topics.scan, scan.to_bytes())

    def last(self, scan: ScanPayload) -> None:
        """Publish the retained newest match."""
        self._publish(self.topics.last, scan.to_bytes(), retain=True)

    def event(self, seq: int, kind: str = "camera_lost") -> None:
        """Publish what happened to the box."""
        event = EventPayload(
            event_type=kind,
            id=str(ULID()),
            epoch=self._epoch,
            seq=seq,
            device=self.topics.device_id,
            ts=datetime.now(UTC),
            ts_source="ntp",
            boot_id="5d1c",
            mono_ms=seq,
        )
        self._publish(self.topics.event, event.to_bytes())

    def raw(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish anything."""
        self._publish(topic, payload, retain=retain)

    def wait_asked(self, count: int, timeout_s: float = 20.0) -> list[ReplayRequest]:
        """Wait until it was asked for replays."""
        end_s = time.monotonic() + timeout_s
        while len(self.asked) < count:
            assert time.monotonic() < end_s, self.asked
            time.sleep(0.02)
        return self.asked

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def _on_connect(self, client: Client, *_: Any) -> None:
        client.publish(self.topics.status, b"online", qos=1, retain=True)
        client.subscribe(self.topics.command("replay"), qos=1)

    def _on_message(self, client: Client, _data: Any, message: MQTTMessage) -> None:
        request = ReplayRequest.model_validate_json(message.payload)
        self.asked.append(request)
        if self.mute:
            return
        client.publish(self.topics.answer("replay"), self._answer(request).to_bytes(), qos=1)
        if self.refusal is None:
            for seq in self._wanted(request):
                if seq in self.kept:
                    again = self.kept[seq].model_copy(update={"replayed": True})
                    client.publish(self.topics.scan, again.to_bytes(), qos=1)

    def _answer(self, request: ReplayRequest) -> Answer[ReplayData]:
        if self.refusal is not None:
            return Answer[ReplayData](transaction=request.transaction, status="error", error=self.refusal)
        gone = [seq for seq in self._wanted(request) if seq not in self.kept]
        return Answer[ReplayData](
            transaction=request.transaction,
            status="ok",
            data=ReplayData(
                epoch=self._epoch,
                count=len([seq for seq in self._wanted(request) if seq in self.kept]),
                missing=tuple(Span(from_seq=seq, to_seq=seq) for seq in gone),
                waiting=0,
                next_seq=None,
            ),
        )

    def _wanted(self, request: ReplayRequest) -> range:
        assert request.to_seq is not None
        return range(request.from_seq, request.to_seq + 1)
