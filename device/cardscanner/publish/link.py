"""Link: one MQTT connection through paho, from CONNECT to its end. The only file that knows paho.

paho's own thread, queue and reconnection are not used: the session it would keep lives in memory and dies
with the process, and its callbacks would run beside us. Here the owner of the link does the waiting, so all
callbacks run in its thread and an answer cannot arrive before :meth:`Link.publish` has returned the message's
number. Each connection has a client of its own, so nothing of an old one is left in it.
"""

from __future__ import annotations

import select
import ssl
from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cardscanner.config import MqttConfig
from cardscanner.publish.causes import explain_failure
from cardscanner.publish.credentials import read_password, tls_context
from cardscanner.publish.doorbell import Doorbell

SESSION_EXPIRY_S = 10
WILL_DELAY_S = 5
"""Shorter than the session: a quick reconnection then never shows as ``offline``."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says when we are gone without a word."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the broker said to our CONNECT."""

    window: int
    max_packet: float
    resumed: bool
    """The broker still knew us: it has been up since we were last there, or somebody else uses our name."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a connection is over."""

    code: int | None
    """MQTT reason code when the broker gave one."""
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The broker's answer to a message."""

    mid: int
    code: int
    text: str


class Link:
    """One connection. Owned by one thread; useless after it has ended.

    ``accepted`` and ``ended`` become something when it happens; ``answers`` is emptied by the owner.
    """

    def __init__(self, client: Client, *, mqtt5: bool) -> None:
        self.accepted: Accepted | None = None
        self.ended: Ended | None = None
        self.answers: deque[Answer] = deque()
        self._mqtt5 = mqtt5
        self._client = client
        self._last_error = ""
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_log = self._on_log

    def wait(self, timeout_s: float, bell: Doorbell) -> None:
        """Wait for the broker, the bell or the time; then read and write what is possible."""
        link = self._client.socket()
        if link is None or self.ended:
            return
        unread = isinstance(link, ssl.SSLSocket) and link.pending() > 0
        sources: list[Any] = [link, bell]
        readable, writable, _ = select.select(
            sources,
            [link] if self._client.want_write() else [],
            [],
            0.0 if unread else max(0.0, timeout_s),
        )
        if unread or link in readable:
            self._client.loop_read()
        if link in writable:
            self._client.loop_write()
        self._client.loop_misc()

    def publish(self, topic: str, payload: bytes, *, retain: bool, json: bool = True) -> int:
        """Send a message with QoS 1 and return its number; the answer comes through ``answers``."""
        properties: Properties | None = None
        if self._mqtt5:
            properties = _properties(
                PacketTypes.PUBLISH,
                PayloadFormatIndicator=1,
                ContentType="application/json" if json else "text/plain",
            )
        return self._client.publish(topic, payload, qos=1, retain=retain, properties=properties).mid

    def disconnect(self) -> None:
        """Say goodbye: the broker then keeps the will to itself."""
        self._client.disconnect()

    def close(self) -> None:
        """Drop the connection, if there still is one, and everything that holds it; safe to call twice."""
        client = self._client
        client.on_connect = client.on_disconnect = client.on_publish = client.on_log = None
        link = client.socket()
        if link is not None:
            link.close()
        self.ended = self.ended or Ended(None, "closed")

    def _on_connect(
        self,
        _client: Client,
        _data: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self.ended = Ended(reason.value, str(reason))
            return
        self.accepted = Accepted(
            window=getattr(properties, "ReceiveMaximum", 65535),
            max_packet=getattr(properties, "MaximumPacketSize", inf),
            resumed=flags.session_present,
        )

    def _on_disconnect(
        self,
        _client: Client,
        _data: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if self.ended:  # a refusal said more
            return
        if flags.is_disconnect_packet_from_server:
            self.ended = Ended(reason.value, str(reason))
        else:
            self.ended = Ended(None, self._last_error or "the connection was closed")

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        self.answers.append(Answer(mid, reason.value, str(reason)))

    def _on_log(self, _client: Client, _data: Any, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._last_error = text


def connect(config: MqttConfig, client_id: str, will: Will | None, timeout_s: float) -> Link:
    """Open the connection and send CONNECT; the broker's answer comes through :meth:`Link.wait`.

    Blocks at most ``timeout_s`` for TCP and once more for TLS (and for the resolver's own time).

    Raises
    ------
    BrokerRefused
        Password file or certificates cannot be used, or TLS failed: a person has to act.
    PublishError
        The broker cannot be reached now.
    """
    client = _client(config, client_id, will)
    client.connect_timeout = timeout_s
    where = f"broker {config.host}:{config.port}"
    options: dict[str, Any] = {}
    if config.protocol == "5":
        session = _properties(PacketTypes.CONNECT, SessionExpiryInterval=SESSION_EXPIRY_S)
        # Not a clean start: that would end the old session, and with it, by the standard, bring out its will.
        # There is nothing else in the session; what must survive is in the outbox.
        options = {"clean_start": False, "properties": session}
    link = Link(client, mqtt5=config.protocol == "5")
    try:
        client.connect(config.host, config.port, keepalive=config.keepalive_s, **options)
    except (OSError, ValueError) as error:
        link.close()
        raise explain_failure(where, error, tls=config.tls is not None) from error
    return link


def _client(config: MqttConfig, client_id: str, will: Will | None) -> Client:
    mqtt5 = config.protocol == "5"
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        clean_session=None if mqtt5 else True,
        protocol=MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
    )
    client.max_inflight_messages_set(config.window)
    if config.username is not None:
        client.username_pw_set(config.username, read_password(config))
    if config.tls is not None:
        client.tls_set_context(tls_context(config.tls))
    if will is not None:
        properties = _properties(PacketTypes.WILLMESSAGE, WillDelayInterval=WILL_DELAY_S) if mqtt5 else None
        client.will_set(will.topic, will.payload, qos=1, retain=True, properties=properties)
    return client


def _properties(packet: int, **values: Any) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties
