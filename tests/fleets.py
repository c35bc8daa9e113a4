"""A fleet for tests: boxes that say on command what boxes say about themselves."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, Self

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from cardscanner.publish.payload import Payload
from cardscanner.publish.payload_info import DatabaseInfoPayload, InfoPayload, ModelInfoPayload
from cardscanner.publish.payload_state import (
    BrokerState,
    CameraState,
    ClockState,
    DiskState,
    NpuState,
    OutboxState,
    ScanCounts,
    StatePayload,
)
from cardscanner.publish.payload_update import UpdatePayload
from cardscanner.publish.topics import Topics

WELL = {
    "lifecycle": "ready",
    "scanning": True,
    "camera": CameraState(state="ok", fps=30.0),
    "npu": NpuState(state="ok", temp_c=51.0),
    "outbox": OutboxState(depth=0),
    "disk": DiskState(free_bytes=20 * 10**9),
    "clock": ClockState(synced=True),
    "scans": ScanCounts(match=900, ambiguous=20, no_match=80, last_hour=120),
    "uptime_s": 7200.0,
    "every_s": 30.0,
    "broker": BrokerState(connected=True, answers={"0": 1000}),
}


def state_of(**changes: Any) -> StatePayload:
    """Return the state of a box that is well, but for the changes."""
    return StatePayload(**{"ts": datetime.now(UTC), **WELL, **changes})


def info_of(
    device: str = "box-1",
    *,
    daemon: str = "1.2.0",
    db: str = "2026.11.1",
    model: str = "0.2.0",
    **changes: Any,
) -> InfoPayload:
    """Return what a box is."""
    fields = {
        "device": device,
        "game": "pokemon",
        "serial": None,
        "hw": "Raspberry Pi 5 Model B Rev 1.0",
        "os": "Debian GNU/Linux 12 (bookworm)",
        "python": "3.11.2",
        "daemon": daemon,
        "model": ModelInfoPayload(name="cardnet", version=model, sha256="a" * 64),
        "db": DatabaseInfoPayload(name="pokemon", version=db, sha256="b" * 64, cards=17_592),
        "cameras": ("top",),
        "topics": Topics(device).named(),
        **changes,
    }
    return InfoPayload(**fields)


def update_of(**changes: Any) -> UpdatePayload:
    """Return what a box says about versions."""
    return UpdatePayload(**{"installed_version": "2026.11.1", **changes})


class FleetBox:
    """One box on a broker until the block ends; at its end it says that it is offline."""

    def __init__(
        self, port: int, device: str = "box-1", info: InfoPayload | None = None, **state: Any
    ) -> None:
        self.topics = Topics(device)
        self._first = (info or info_of(device), state_of(**state), update_of())
        self._port = port
        self._connected = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2, f"fleet-{token_hex(4)}", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.will_set(self.topics.status, b"offline", qos=1, retain=True)
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.on_disconnect = lambda *_: self._connected.clear()

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port, 10)
        self._client.loop_start()
        assert self._connected.wait(10)
        info, state, update = self._first
        self.raw(self.topics.status, b"online")
        self.says(info)
        self.says(state)
        self.says(update)
        return self

    def __exit__(self, *_: object) -> None:
        self.raw(self.topics.status, b"offline")
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_connect = self._client.on_disconnect = None

    def vanish(self) -> None:
        """Go without a word: the broker says it."""
        self._client.loop_stop()
        self._client.socket().close()

    def says(self, payload: Payload) -> None:
        """Publish a document where it belongs."""
        topics = {
            InfoPayload: self.topics.info,
            StatePayload: self.topics.state,
            UpdatePayload: self.topics.update,
        }
        self.raw(topics[type(payload)], payload.to_bytes())

    def raw(self, topic: str, payload: bytes, *, retain: bool = True) -> None:
        """Publish anything, after a broker that restarted has come back too."""
        assert self._connected.wait(30)
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)
