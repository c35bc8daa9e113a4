"""Announcer: the retained topics, and when each of them is due."""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import inf

from cardscanner.publish.home_assistant import HomeAssistant
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.status import Facts
from cardscanner.publish.topics import Topics

ONLINE = b"online"
OFFLINE = b"offline"
BIRTH_S = 5.0
"""Home Assistant has started: devices answer within this time, each at a moment of its own."""
LOOK_S = 1.0
"""How often the state is looked at for a change, and how often ``last`` may follow a fast backlog."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One retained message."""

    topic: str
    payload: bytes
    json: bool = True


class Announcer:
    """Decides which retained messages a connection needs now."""

    def __init__(
        self,
        topics: Topics,
        outbox: Outbox,
        facts: Facts,
        state_every_s: float,
        home: HomeAssistant | None = None,
    ) -> None:
        self._topics = topics
        self._outbox = outbox
        self._facts = facts
        self._state_every_s = state_every_s
        self._home = home
        self._again_s = inf
        self._fresh = True
        self._look_s = 0.0
        self._state_s = 0.0
        self._gist: tuple[object, ...] = ()
        self._latest: dict[str, bytes] = {}
        self._told = b""

    def connected(self) -> None:
        """Begin a connection: the broker may have forgotten everything."""
        self._fresh = True

    def home_was_born(self, now_s: float) -> None:
        """Say everything again soon: Home Assistant has started."""
        self._again_s = min(self._again_s, now_s + random.uniform(0.0, BIRTH_S))

    def due(self, now_s: float, reasons: tuple[str, ...], undeliverable: int, *, idle: bool) -> list[Notice]:
        """Return what is to be published now, in order; ``idle``: no row is waiting or on its way."""
        self._fresh = self._fresh or now_s >= self._again_s
        look = self._fresh or now_s >= self._look_s
        notices = self._greeting() if self._fresh else []
        if look:
            notices += self._info()
            notices += self._state(now_s, reasons, undeliverable)
            self._look_s = now_s + LOOK_S
        if look or idle:
            notices += self._newest()
        self._fresh = False
        return notices

    def due_s(self, now_s: float) -> float:
        """Return the seconds until :meth:`due` is worth a call."""
        return 0.0 if self._fresh else max(0.0, min(self._look_s, self._again_s) - now_s)

    def farewell(self) -> Notice:
        """Return the last message of an orderly end."""
        return Notice(self._topics.status, OFFLINE, json=False)

    def _greeting(self) -> list[Notice]:
        self._latest = {}
        self._again_s = inf
        return [
            Notice(self._topics.status, ONLINE, json=False),
        ]

    def _info(self) -> list[Notice]:
        """What the device is; it changes when a new database comes into use."""
        facts = self._facts.info()
        info = facts.to_bytes()
        if not self._fresh and info == self._told:
            return []
        self._told = info
        notices = [Notice(self._topics.info, info)]
        if self._home is not None:
            notices.append(Notice(self._home.discovery_topic(facts.device), self._home.discovery(facts)))
        return notices

    def _state(self, now_s: float, reasons: tuple[str, ...], undeliverable: int) -> list[Notice]:
        state = self._facts.state().with_reasons(reasons, undeliverable)
        if not self._fresh and state.gist() == self._gist and now_s < self._state_s:
            return []
        self._gist = state.gist()
        self._state_s = now_s + self._state_every_s
        return [Notice(self._topics.state, state.to_bytes())]

    def _newest(self) -> list[Notice]:
        latest = self._outbox.latest()
        changed = [
            Notice(topic, latest[topic]) for topic in latest if latest[topic] != self._latest.get(topic)
        ]
        self._latest = latest
        return changed
