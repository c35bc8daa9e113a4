"""Connection: what a consumer subscribes to, across restarts of the broker.

It has no thread: whoever owns it calls :meth:`Connection.step` again and again and gets what came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from secrets import token_hex

from cardscanner.config import MqttConfig
from cardscanner.errors import BrokerRefused, PublishError
from cardscanner.publish.doorbell import Doorbell
from cardscanner.publish.link import Ended, Link, connect
from cardscanner.publish.messages import Message
from cardscanner.publish.reconnection import Reconnection
from cardscanner.publish.status import Troubles

CONNECT_S = 3.0
CONNACK_S = 5.0
_LOOK_S = 0.5
_MOST_AT_ONCE = 500
"""Messages of one step: whoever shows them gets a turn also while very many come."""


class Connection:
    """Owned by one thread. ``subscribe`` is called for each connection that the broker has accepted."""

    def __init__(
        self,
        config: MqttConfig,
        name: str,
        subscribe: Callable[[Link], Sequence[str]],
        troubles: Troubles,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.been_connected = False
        """Whether the broker has ever let us hear what we asked for."""
        self._config = config
        self._where = f"broker {config.host}:{config.port}"
        self._client_id = f"cardscanner-{name}-{token_hex(6)}"
        self._subscribe = subscribe
        self._troubles = troubles
        self._clock_s = clock_s
        self._reconnection = Reconnection(
            self._where, troubles, mqtt5=config.protocol == "5", tls=config.tls is not None
        )
        self._bell = Doorbell()
        self._link: Link | None = None
        self._opened_s = 0.0
        self._accepted_s: float | None = None
        self._topics: Sequence[str] = ()

    def step(self, wait_s: float) -> list[Message]:
        """Wait at most ``wait_s`` (opening a connection may take longer) and return what came.

        Raises
        ------
        BrokerRefused
            The very first connection, or a subscription, is refused: a person has to act. A refusal after the
            first connection is tried again, calmly.
        """
        now_s = self._clock_s()
        if self._link is None and self._reconnection.wait_s(now_s) <= 0:
            self._open(now_s)
        if self._link is None:
            self._bell.wait(min(wait_s, self._reconnection.wait_s(now_s)))
            return []
        self._link.wait(0.0 if self._link.messages else min(wait_s, _LOOK_S), self._bell)
        came: list[Message] = []
        while self._link.messages and len(came) < _MOST_AT_ONCE:
            came.append(self._link.messages.popleft())
            if not self._link.messages:
                self._link.wait(0.0, self._bell)
        self._look_after(self._link)
        return came

    @property
    def link(self) -> Link | None:
        """The connection, once the broker has accepted it; ``None`` while there is none."""
        return None if self._accepted_s is None else self._link

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
            if not self.been_connected:
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
            self._topics = self._subscribe(link)
        elif self._accepted_s is None and now_s - self._opened_s > CONNACK_S:
            self._lost(link, Ended(None, f"no answer to CONNECT within {CONNACK_S:.0f} s"), now_s)
        elif link.deaf:
            self._denied(link, link.deaf, now_s)
        elif link.subscribed:
            self.been_connected = True
            self._reconnection.works()

    def _denied(self, link: Link, reason: str, now_s: float) -> None:
        cause = (
            f"{self._where}: we may not subscribe to {', '.join(self._topics)}: {reason}: allow it in its "
            "access rules, or name a device that may be heard"
        )
        if not self.been_connected:
            raise BrokerRefused(cause)
        self._drop(link)
        self._reconnection.refused(cause, now_s)

    def _lost(self, link: Link, end: Ended, now_s: float) -> None:
        lived_s = now_s - (self._accepted_s or now_s)
        self._drop(link)
        self._reconnection.ended(end, link.accepted, lived_s, now_s)
        if "mqtt_refused" in self._troubles.reasons and not self.been_connected:
            raise BrokerRefused(self._troubles.newest or end.text)

    def _drop(self, link: Link) -> None:
        link.close()
        self._link = None
        self._accepted_s = None
