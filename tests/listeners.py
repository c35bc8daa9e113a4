"""A subscriber for tests that keeps what it hears, and comes back when the broker does.

At its end everything that it has heard from a scanner must be what the contract says.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Self

from contract_check import check_messages
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions


@dataclass(frozen=True, slots=True)
class Heard:
    """One message."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    content_type: str | None
    at_s: float
    correlation: bytes | None = None

    def json(self) -> Any:
        """Return the payload as JSON."""
        return json.loads(self.payload)


class Listener:
    """Subscribes; a thread of its own does the work.

    Its session lasts for ``session_s`` after the end of a connection: the broker keeps its messages so long.
    ``away_s`` tells how long it stays away after it has lost the broker.
    """

    def __init__(
        self,
        port: int,
        topics: tuple[str, ...] = ("cardscanner/#",),
        *,
        username: str | None = None,
        password: str | None = None,
        qos: int = 1,
        session_s: int = 0,
        away_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.subscribed = threading.Event()
        self._messages: list[Heard] = []
        self._changed = threading.Condition()
        self._qos = qos
        self._session_s = session_s
        self._away_s = away_s
        self._topics = topics
        self._port = port
        self._stopping = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2, f"listener-{token_hex(4)}", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.username_pw_set(username, password)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_disconnect = lambda *_: self.subscribed.clear()
        self._client.on_message = self._on_message
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self.subscribed.wait(10), "the listener could not subscribe"
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._client.disconnect()
        self._thread.join(5)
        self._client.on_connect = self._client.on_message = None
        self._client.on_subscribe = self._client.on_disconnect = None
        check_messages(self._messages)

    def say(self, topic: str, payload: bytes, *, retain: bool = False, **properties: Any) -> None:
        """Publish something, with properties by their names in MQTT 5."""
        given = Properties(PacketTypes.PUBLISH)
        for name, value in properties.items():
            setattr(given, name, value)
        self._client.publish(topic, payload, qos=1, retain=retain, properties=given)

    def go_away(self) -> None:
        """Leave the broker for ``away_s``."""
        self.subscribed.clear()
        self._client.disconnect()

    def heard(self, ending: str = "") -> list[Heard]:
        """Return the messages so far whose topic ends so."""
        with self._changed:
            return [each for each in self._messages if each.topic.endswith(ending)]

    def wait_for(self, done: Callable[[list[Heard]], bool], timeout_s: float = 10.0) -> list[Heard]:
        """Wait until ``done(messages)``; fail with what came instead."""
        with self._changed:
            if self._changed.wait_for(lambda: done(self._messages), timeout_s):
                return list(self._messages)
            shown = "\n".join(f"{each.topic} {each.payload[:120]!r}" for each in self._messages[-20:])
            raise AssertionError(
                f"not heard within {timeout_s} s; the last of {len(self._messages)}:\n{shown}"
            )

    def _run(self) -> None:
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = self._session_s
        while not self._stopping.is_set():
            try:
                self._client.connect(
                    "127.0.0.1", self._port, 30, clean_start=not self._session_s, properties=session
                )
            except OSError:
                time.sleep(0.02)
                continue
            while not self._stopping.is_set() and self._client.loop(0.2) == 0:
                pass
            self._stopping.wait(self._away_s())

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            options = SubscribeOptions(qos=self._qos, retainAsPublished=True)
            client.subscribe([(topic, options) for topic in self._topics])

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        heard = Heard(
            message.topic,
            message.payload,
            message.qos,
            message.retain,
            getattr(message.properties, "ContentType", None),
            time.monotonic(),
            getattr(message.properties, "CorrelationData", None),
        )
        with self._changed:
            self._messages.append(heard)
            self._changed.notify_all()
