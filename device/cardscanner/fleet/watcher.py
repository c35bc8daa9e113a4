"""Watcher: hears what all boxes say about themselves, across restarts of the broker, and keeps the roster.

One kind of message is subscribed to after the other, and with QoS 0: what a broker has stored it queues for a
subscriber only up to a limit, and drops the rest (Mosquitto 2.0 with QoS 1: ``max_queued_messages``, 1,000
unless configured; of 4,000 kept messages 1,020 came that way, with QoS 0 all).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from cardscanner.config import MqttConfig
from cardscanner.fleet.box import Moment
from cardscanner.fleet.roster import Roster
from cardscanner.fleet.words import KINDS
from cardscanner.listen.connection import Connection
from cardscanner.publish.link import Link
from cardscanner.publish.status import Troubles
from cardscanner.publish.topics import ROOT

_QUIET_S = 0.3
"""When nothing out of the broker's store has come for so long, it has no more."""
_LOOK_S = 0.05
_ROUNDS = 3


class Watcher:
    """Owned by one thread. ``complete``: everything that the broker had stored has been heard."""

    def __init__(
        self,
        config: MqttConfig,
        roster: Roster,
        troubles: Troubles,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.where = f"{config.host}:{config.port}"
        self.roster = roster
        self.complete = False
        self._clock_s = clock_s
        self._connection = Connection(config, "fleet", self._subscribe, troubles, clock_s)
        self._asked = 0
        self._kept_s = 0.0

    @property
    def connected(self) -> bool:
        """Whether the broker is heard just now."""
        return self._connection.link is not None

    @property
    def been_connected(self) -> bool:
        """Whether it ever was."""
        return self._connection.been_connected

    def now(self) -> Moment:
        """Return this moment."""
        return Moment(self._clock_s(), datetime.now(UTC))

    def step(self, wait_s: float) -> bool:
        """Wait at most ``wait_s`` and take what came; return whether anything did.

        Raises
        ------
        BrokerRefused
            The very first connection, or a subscription, is refused: a person has to act.
        """
        messages = self._connection.step(wait_s if self.complete else min(wait_s, _LOOK_S))
        now = self.now()
        for message in messages:
            if message.retain:
                self._kept_s = now.s
            self.roster.take(message, now)
        link = self._connection.link
        if link is None:
            self.roster.listening(None)
        elif link.subscribed and not self.complete and now.s - self._kept_s > _QUIET_S:
            self._ask_on(link, now.s)
        return bool(messages)

    def close(self) -> None:
        """Leave; safe to call twice."""
        self._connection.close()

    def _subscribe(self, link: Link) -> list[str]:
        self.complete = False
        self._asked = 0
        self._ask(link)
        self.roster.listening(self._clock_s())
        return [f"{ROOT}/+/{kind}" for kind in KINDS]

    def _ask_on(self, link: Link, now_s: float) -> None:
        """Ask for the next kind; for all of them again while something lacks that may have been dropped."""
        every = len(KINDS)
        if self._asked >= every * _ROUNDS or (self._asked % every == 0 and not self.roster.lacking):
            self.complete = True
            return
        self._ask(link)
        self._kept_s = now_s

    def _ask(self, link: Link) -> None:
        kind = KINDS[self._asked % len(KINDS)]
        self._asked += 1
        self._kept_s = self._clock_s()
        link.subscribe([f"{ROOT}/+/{kind}"], retained=True, qos=0, as_published=False)
