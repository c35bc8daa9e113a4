"""The subscriber of a soak: what arrived, once, twice, or never."""

from __future__ import annotations

import json
import threading
from collections import Counter
from secrets import token_hex
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from cardscanner.publish.topics import Topics

Key = tuple[str, int]
"""Epoch and sequence number."""


class Witness:
    """Hears everything of one device.

    It subscribes with QoS 0: such a subscription has no window, so what a broker has acknowledged to the
    scanner already lies in our socket when that broker is killed. While we are away the broker answers
    "nobody listens", and a scanner with ``unheard: keep`` sends again.
    """

    def __init__(self, port: int, device: str) -> None:
        self._lock = threading.Lock()
        self._topics = Topics(device)
        self.first: dict[Key, str] = {}
        self.scans: set[str] = set()
        self.repeats = 0
        """The same message again, with the same id: QoS 1 allows it, consumers drop it by id."""
        self.clashes: list[Key] = []
        """A second message under a number that another one has: never allowed."""
        self.asked: dict[str, str] = {}
        self.answers: Counter[str] = Counter()
        self._client = Client(
            CallbackAPIVersion.VERSION2, f"soak-{token_hex(4)}", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.reconnect_delay_set(1, 2)
        self._client.on_connect = lambda link, *_: link.subscribe(f"cardscanner/{device}/#", qos=0)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port, 15)
        self._client.loop_start()

    def ask(self, command: str, **arguments: Any) -> None:
        """Send a command; its answer is counted when it comes."""
        transaction = token_hex(8)
        with self._lock:
            self.asked[transaction] = command
        request = json.dumps({"transaction": transaction, **arguments})
        self._client.publish(self._topics.command(command), request, qos=1)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def duplicates(self) -> int:
        """Scans that came as two."""
        return len(self.clashes)

    def lost(self, epoch: str, last_seq: int, waiting: set[int]) -> list[int]:
        """Return the numbers that were given out, do not wait any more, and were never heard."""
        with self._lock:
            return [
                seq for seq in range(1, last_seq + 1) if (epoch, seq) not in self.first and seq not in waiting
            ]

    def _on_message(self, _link: Client, _data: Any, message: MQTTMessage) -> None:
        if message.topic in (self._topics.scan, self._topics.event):
            self._take(json.loads(message.payload), is_scan=message.topic == self._topics.scan)
        elif "/rsp/" in message.topic:
            transaction = json.loads(message.payload)["transaction"]
            with self._lock:
                self.answers[self.asked.get(transaction, "nobody")] += 1

    def _take(self, payload: dict[str, Any], *, is_scan: bool) -> None:
        key, identity = (str(payload["epoch"]), int(payload["seq"])), str(payload["id"])
        with self._lock:
            known = self.first.setdefault(key, identity)
            if known != identity:
                self.clashes.append(key)
            elif is_scan and identity in self.scans:
                self.repeats += 1
            if is_scan:
                self.scans.add(identity)
