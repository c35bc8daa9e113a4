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
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from cardscanner.config import MqttConfig
from cardscanner.publish.causes import explain_failure
from cardscanner.publish.credentials import read_password, tls_context
from cardscanner.publish.doorbell import Doorbell
from cardscanner.publish.messages import JSON, TEXT, Letter, Message

SESSION_EXPIRY_S = 10
LARGEST_PACKET = 2 * 65_536
"""What the broker may send us; with MQTT 5 it keeps larger messages to itself."""
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

    ``accepted`` and ``ended`` become something when it happens; ``answers`` and ``messages`` are emptied by
    the owner; ``subscribed`` tells that the broker has answered a :meth:`subscribe`, ``deaf`` why it
    does not let us hear something.
    """

    def __init__(self, client: Client, *, mqtt5: bool) -> None:
        self.accepted: Accepted | None = None
        self.ended: Ended | None = None
        self.answers: deque[Answer] = deque()
        self.messages: deque[Message] = deque()
        self.subscribed = False
        self.deaf: str | None = None
        self._mqtt5 = mqtt5
        self._client = client
        self._last_error = ""
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_log = self._on_log

    def wait(self, timeout_s: float, bell: Doorbell) -> None:
        """Wait for the broker, the bell or the time; then read and write what is possible."""
        link = self._client.socket()
        if link is None or self.ended:
            return
        unread = self.unread
        sources: list[Any] = [link, bell]
        readable, writable, _ = select.select(
            sources,
            [link] if self._client.want_write() else [],
            [],
            0.0 if unread else max(0.0, timeout_s),
        )
        self.turn(readable=unread or link in readable, writable=link in writable)

    @property
    def socket(self) -> Any:
        """What to wait for, for an owner of so many links that one ``select`` does not do; ``None``: gone."""
        return None if self.ended else self._client.socket()

    @property
    def unread(self) -> bool:
        """Whether something has come that the socket does not show: it is already decrypted."""
        link = self._client.socket()
        return isinstance(link, ssl.SSLSocket) and link.pending() > 0

    @property
    def wants_write(self) -> bool:
        """Whether something waits for the socket to take it."""
        return self._client.want_write()

    def turn(self, *, readable: bool, writable: bool) -> None:
        """Read and write what is possible, and say that we are there when it is time; wait for nothing."""
        if readable:
            self._client.loop_read()
        if writable:
            self._client.loop_write()
        self._client.loop_misc()

    def publish(self, letter: Letter) -> int:
        """Send a message and return its number; with QoS 1 the answer comes through ``answers``."""
        properties: Properties | None = None
        if self._mqtt5:
            values: dict[str, Any] = {"ContentType": letter.content_type}
            if letter.content_type in {JSON, TEXT}:
                values["PayloadFormatIndicator"] = 1
            if letter.correlation is not None:
                values["CorrelationData"] = letter.correlation
            if letter.expiry_s is not None:
                values["MessageExpiryInterval"] = letter.expiry_s
            properties = _properties(PacketTypes.PUBLISH, **values)
        return self._client.publish(
            letter.topic, letter.payload, qos=letter.qos, retain=letter.retain, properties=properties
        ).mid

    def subscribe(
        self, topics: Iterable[str], *, retained: bool = False, qos: int = 1, as_published: bool = True
    ) -> None:
        """Ask for topics; what is retained there comes only if wanted (MQTT 3.1.1: always).

        ``as_published``: a message has the flag that its sender gave it. Otherwise, and always with MQTT
        3.1.1, the flag tells what the broker had kept from what has just been said.
        """
        self.subscribed = False
        if self._mqtt5:
            handling = (
                SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE if retained else SubscribeOptions.RETAIN_DO_NOT_SEND
            )
            options = SubscribeOptions(qos=qos, retainAsPublished=as_published, retainHandling=handling)
            self._client.subscribe([(topic, options) for topic in topics])
        else:
            self._client.subscribe([(topic, qos) for topic in topics])

    def disconnect(self) -> None:
        """Say goodbye: the broker then keeps the will to itself."""
        self._client.disconnect()

    def close(self) -> None:
        """Drop the connection, if there still is one, and everything that holds it; safe to call twice."""
        client = self._client
        client.on_connect = client.on_disconnect = client.on_publish = client.on_log = None
        client.on_subscribe = client.on_message = None
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

    def _on_subscribe(
        self,
        _client: Client,
        _data: Any,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        self.subscribed = True
        self.deaf = next((f"{each} ({each.value})" for each in reasons if each.is_failure), None)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # against the standard; none of our topics
            return
        properties = message.properties
        self.messages.append(
            Message(
                topic,
                bytes(message.payload),
                message.retain,
                getattr(properties, "ResponseTopic", None),
                getattr(properties, "CorrelationData", None),
                getattr(properties, "MessageExpiryInterval", None),
            )
        )

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
        session = _properties(
            PacketTypes.CONNECT, SessionExpiryInterval=SESSION_EXPIRY_S, MaximumPacketSize=LARGEST_PACKET
        )
        # Not a clean start: that would end the old session, and with it, by the standard, bring out its will.
        # Beside that the session holds the commands of those few seconds; what must survive is in the outbox.
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
