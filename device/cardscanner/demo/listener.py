"""A subscriber, as an inventory system would be one: scan events of one device, in order of arrival."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from cardscanner.demo.broker import Broker
from cardscanner.errors import PublishError
from cardscanner.publish.topics import Topics

Inbox = queue.Queue[dict[str, Any]]

_SUBSCRIBE_S = 10.0


@contextmanager
def listening(broker: Broker, device_id: str) -> Iterator[Inbox]:
    """Subscribe to the device's scans; payloads appear in the queue.

    Raises
    ------
    PublishError
        The broker does not take the subscription.
    """
    inbox: Inbox = queue.Queue()
    subscribed = threading.Event()
    version = mqtt.MQTTv5 if broker.protocol == "5" else mqtt.MQTTv311
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="cardscanner-demo-listener", protocol=version)
    topic = Topics(device_id).scan
    client.on_connect = lambda link, *_: link.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _link, _data, message: inbox.put(json.loads(message.payload))
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        if not subscribed.wait(_SUBSCRIBE_S):
            raise PublishError(f"the broker ({broker.kind}) did not take a subscription to {topic}")
        yield inbox
    finally:
        client.disconnect()
        client.loop_stop()
