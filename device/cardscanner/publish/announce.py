"""Announcer: the retained topics, and when each of them is due."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import inf

from cardscanner.publish.home_assistant import HomeAssistant
from cardscanner.publish.messages import TEXT, Letter
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.payload_update import UpdatePayload
from cardscanner.publish.status import Facts, PublishStatus, complete_state
from cardscanner.publish.topics import Topics

ONLINE = b"online"
OFFLINE = b"offline"
BIRTH_S = 5.0
"""Home Assistant has started: devices answer within this time, each at a moment of its own."""
LOOK_S = 0.5
"""How often the state is looked at for a change, and how often ``last`` may follow a fast backlog."""


class Announcer:
    """Decides which retained messages a connection needs now."""

    def __init__(
        self,
        topics: Topics,
        outbox: Outbox,
        facts: Facts,
        state_every_s: float,
        home: HomeAssistant | None = None,
        update: Callable[[], UpdatePayload] | None = None,
    ) -> None:
        self._topics = topics
        self._outbox = outbox
        self._facts = facts
        self._state_every_s = state_every_s
        self._home = home
        self._update = update
        self._again_s = inf
        self._fresh = True
        self._look_s = 0.0
        self._state_s = 0.0
        self._gist: tuple[object, ...] = ()
        self._latest: dict[str, bytes] = {}
        self._told = self._told_versions = b""

    def connected(self) -> None:
        """Begin a connection: the broker may have forgotten everything."""
        self._fresh = True

    def home_was_born(self, now_s: float) -> None:
        """Say everything again soon: Home Assistant has started."""
        self._again_s = min(self._again_s, now_s + random.uniform(0.0, BIRTH_S))

    def due(self, now_s: float, status: PublishStatus, *, idle: bool) -> list[Letter]:
        """Return what is to be published now, in order; ``idle``: no row is waiting or on its way."""
        self._fresh = self._fresh or now_s >= self._again_s
        look = self._fresh or now_s >= self._look_s
        notices = self._greeting() if self._fresh else []
        if look:
            notices += self._info()
            notices += self._versions()
            notices += self._state(now_s, status)
            self._look_s = now_s + LOOK_S
        if look or idle:
            notices += self._newest()
        self._fresh = False
        return notices

    def due_s(self, now_s: float) -> float:
        """Return the seconds until :meth:`due` is worth a call."""
        return 0.0 if self._fresh else max(0.0, min(self._look_s, self._again_s) - now_s)

    def farewell(self) -> Letter:
        """Return the last message of an orderly end."""
        return Letter(self._topics.status, OFFLINE, retain=True, content_type=TEXT)

    def _greeting(self) -> list[Letter]:
        self._latest = {}
        self._again_s = inf
        return [Letter(self._topics.status, ONLINE, retain=True, content_type=TEXT)]

    def _info(self) -> list[Letter]:
        """What the device is; it changes when a new database comes into use."""
        facts = self._facts.info()
        info = facts.to_bytes()
        if not self._fresh and info == self._told:
            return []
        self._told = info
        notices = [Letter(self._topics.info, info, retain=True)]
        if self._home is not None:
            topic = self._home.discovery_topic(facts.device)
            notices.append(Letter(topic, self._home.discovery(facts), retain=True))
        return notices

    def _versions(self) -> list[Letter]:
        """Which versions are in use, and known."""
        versions = b"" if self._update is None else self._update().to_bytes()
        if not versions or (not self._fresh and versions == self._told_versions):
            return []
        self._told_versions = versions
        return [Letter(self._topics.update, versions, retain=True)]

    def _state(self, now_s: float, status: PublishStatus) -> list[Letter]:
        state = complete_state(self._facts, status).model_copy(update={"every_s": self._state_every_s})
        if not self._fresh and state.gist() == self._gist and now_s < self._state_s:
            return []
        self._gist = state.gist()
        self._state_s = now_s + self._state_every_s
        return [Letter(self._topics.state, state.to_bytes(), retain=True)]

    def _newest(self) -> list[Letter]:
        latest = self._outbox.latest()
        changed = [
            Letter(topic, latest[topic], retain=True)
            for topic in latest
            if latest[topic] != self._latest.get(topic)
        ]
        self._latest = latest
        return changed
