"""Asking a broker whether it would have us, without disturbing a daemon that is connected."""

from __future__ import annotations

import secrets
import time

from cardscanner.config import MqttConfig
from cardscanner.errors import BrokerRefused, PublishError
from cardscanner.publish.doorbell import Doorbell
from cardscanner.publish.link import Ended, Link, connect
from cardscanner.publish.reconnection import UNREACHABLE, explain_end

CONNECT_S = 3.0
CONNACK_S = 5.0


def probe_broker(config: MqttConfig) -> None:
    """Connect under a name of our own, be accepted, and leave.

    Raises
    ------
    BrokerRefused
        The broker, its certificate or our files say no; the message says what to do.
    PublishError
        It cannot be reached or does not answer.
    """
    link = connect(config, f"cardscanner-check-{secrets.token_hex(4)}", None, CONNECT_S)
    try:
        end = _answer(link)
    finally:
        link.close()
    if end is None:
        return
    name, cause = explain_end(
        f"broker {config.host}:{config.port}",
        end,
        accepted=False,
        mqtt5=config.protocol == "5",
        tls=config.tls is not None,
    )
    raise PublishError(cause) if name == UNREACHABLE else BrokerRefused(cause)


def _answer(link: Link) -> Ended | None:
    """Wait for the answer to CONNECT; ``None`` is yes."""
    bell = Doorbell()
    end_s = time.monotonic() + CONNACK_S
    try:
        while not link.accepted and not link.ended and (left_s := end_s - time.monotonic()) > 0:
            link.wait(left_s, bell)
    finally:
        bell.close()
    if link.accepted:
        link.disconnect()
        return None
    return link.ended or Ended(None, f"no answer to CONNECT within {CONNACK_S:.0f} s")
