"""Crowd: many boxes in one thread, each with a connection of the product's own kind.

Every box has its own socket, client id, will, subscriptions and keep-alive; one epoll waits for all of
them. Opening a connection blocks, so a few threads do that.
"""

from __future__ import annotations

import heapq
import random
import selectors
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any

from cardscanner.config import MqttConfig
from cardscanner.errors import PublishError
from cardscanner.publish.link import Link, connect
from cardscanner.publish.messages import Letter
from cardscanner.publish.pacing import Backoff
from cardscanner_tools.crowd.messages import STATE_EVERY_S, Voice

_CONNECT_S = 5.0
_CONNECTORS = 32
_MISC_S = 2.0
"""How often each connection looks whether it must say that it is there."""
_STEP_S = 0.2
_RETRY_FIRST_S, _RETRY_CAP_S = 1.0, 5.0
"""As the product tries a broker that is away."""


@dataclass(eq=False)
class _Box:
    voice: Voice
    link: Link | None = None
    opening: bool = False
    greeted: bool = False
    """Whether the broker has answered all of the greeting."""
    unanswered: int = 0
    frozen: bool = False
    backoff: Backoff = field(default_factory=lambda: Backoff(_RETRY_FIRST_S, _RETRY_CAP_S))
    socket: Any = None
    """What the selector has of it."""


@dataclass(frozen=True, slots=True)
class Count:
    """How a crowd is doing."""

    online: int
    """Boxes that are connected, and whose greeting the broker has answered."""
    sent: int
    scans: int
    taken: int
    """Answers of the broker to our messages."""
    refused: int
    lost: int
    """Connections that ended without our wish."""
    behind_s: float
    """How late the crowd is itself: its figures are worth nothing when this is large."""


class Crowd:
    """Owned by one thread."""

    def __init__(self, port: int, names: list[str], scans_per_hour: float) -> None:
        self._config = MqttConfig.model_validate({"backend": "mqtt", "host": "127.0.0.1", "port": port})
        self._boxes = [_Box(Voice(name)) for name in names]
        self._rate = scans_per_hour
        self._selector = selectors.EpollSelector()
        self._pool = ThreadPoolExecutor(_CONNECTORS, "connect")
        self._opened: list[tuple[_Box, Future[Link]]] = []
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._behind_s = 0.0
        self._counts: Counter[str] = Counter()
        now_s = time.monotonic()
        for box in self._boxes:
            self._at(now_s, partial(self._open, box))
            self._at(now_s + random.uniform(0, STATE_EVERY_S), partial(self._report, box))
            self._at(now_s + random.uniform(0, _MISC_S), partial(self._look, box))
            self._next_scan(box)

    def rate(self, scans_per_hour: float) -> None:
        """Scan so often from now on, each box."""
        self._rate = scans_per_hour

    def vanish(self, many: int) -> None:
        """Close the sockets of some boxes; they come back no more before :meth:`return_all`."""
        for box in self._boxes[:many]:
            box.frozen = True
            self._drop(box)

    def freeze(self, many: int) -> None:
        """Leave the sockets of some boxes open and say nothing more on them."""
        for box in self._boxes[:many]:
            box.frozen = True
            if box.socket is not None:
                self._selector.unregister(box.socket)
                box.socket = None

    def return_all(self) -> None:
        """Let those come back that vanished or froze."""
        for box in self._boxes:
            if box.frozen:
                box.frozen = False
                self._drop(box)
                self._open(box)

    def count(self) -> Count:
        """Return the counts since the start."""
        online = sum(box.greeted and not box.frozen for box in self._boxes)
        behind_s, self._behind_s = self._behind_s, 0.0
        return Count(
            online=online,
            sent=self._counts["sent"],
            scans=self._counts["scans"],
            taken=self._counts["taken"],
            refused=self._counts["refused"],
            lost=self._counts["lost"],
            behind_s=round(behind_s, 3),
        )

    def step(self) -> None:
        """Do what is due, then wait a little for the broker."""
        now_s = time.monotonic()
        while self._agenda and self._agenda[0][0] <= now_s:
            due_s, _, act = heapq.heappop(self._agenda)
            self._behind_s = max(self._behind_s, now_s - due_s)
            act()
        self._take_opened()
        until_s = self._agenda[0][0] - time.monotonic() if self._agenda else _STEP_S
        for key, mask in self._selector.select(max(0.0, min(_STEP_S, until_s))):
            box: _Box = key.data
            if box.link is not None:
                self._turn(box, box.link, mask)

    def close(self) -> None:
        """Drop everything."""
        self._pool.shutdown(cancel_futures=True)
        self._take_opened()
        for box in self._boxes:
            self._drop(box)
        self._selector.close()

    def _at(self, due_s: float, act: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._agenda, (due_s, self._number, act))

    def _open(self, box: _Box) -> None:
        if box.link is None and not box.opening and not box.frozen:
            box.opening = True
            client_id = f"cardscanner-{box.voice.device}"
            waiting = self._pool.submit(connect, self._config, client_id, box.voice.will, _CONNECT_S)
            self._opened.append((box, waiting))

    def _take_opened(self) -> None:
        still = []
        for box, waiting in self._opened:
            if not waiting.done():
                still.append((box, waiting))
            else:
                self._take(box, waiting)
        self._opened = still

    def _take(self, box: _Box, waiting: Future[Link]) -> None:
        box.opening = False
        if waiting.cancelled():
            return
        try:
            box.link = waiting.result()
        except PublishError:
            self._again(box)
            return
        box.socket = box.link.socket
        self._selector.register(box.link.socket, selectors.EVENT_READ, box)
        self._watch_writes(box, box.link)

    def _turn(self, box: _Box, link: Link, mask: int) -> None:
        fresh = link.accepted is None
        link.turn(readable=bool(mask & selectors.EVENT_READ), writable=bool(mask & selectors.EVENT_WRITE))
        while link.answers:
            answer = link.answers.popleft()
            self._counts["taken"] += 1
            self._counts["refused"] += answer.code >= 128
            box.unanswered -= 1
        link.messages.clear()
        if link.ended:
            self._counts["lost"] += 1
            self._drop(box)
            self._again(box)
            return
        if fresh and link.accepted is not None:
            link.subscribe(box.voice.topics.heard())
            for letter in box.voice.greeting():
                self._publish(box, link, letter)
        elif link.accepted is not None and not box.greeted and not box.unanswered and link.subscribed:
            box.greeted = True
            box.backoff.reset()
        self._watch_writes(box, link)

    def _publish(self, box: _Box, link: Link, letter: Letter) -> None:
        link.publish(letter)
        box.unanswered += 1
        self._counts["sent"] += 1

    def _watch_writes(self, box: _Box, link: Link) -> None:
        if box.socket is None or link.ended:
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if link.wants_write else 0)
        key = self._selector.get_key(box.socket)
        if key.events != wanted:
            self._selector.modify(box.socket, wanted, box)

    def _report(self, box: _Box) -> None:
        if box.link is not None and box.greeted and not box.frozen:
            self._publish(box, box.link, box.voice.state())
            self._watch_writes(box, box.link)
        self._at(time.monotonic() + STATE_EVERY_S, partial(self._report, box))

    def _scan(self, box: _Box) -> None:
        if box.link is not None and box.greeted and not box.frozen:
            self._counts["scans"] += 1
            for letter in box.voice.scan():
                self._publish(box, box.link, letter)
            self._watch_writes(box, box.link)
        self._next_scan(box)

    def _next_scan(self, box: _Box) -> None:
        """Scan again after a random time; look at least every few seconds whether the rate has changed."""
        wait_s = random.expovariate(self._rate / 3600) if self._rate else inf
        if wait_s > 5.0:
            self._at(time.monotonic() + 5.0, partial(self._next_scan, box))
        else:
            self._at(time.monotonic() + wait_s, partial(self._scan, box))

    def _look(self, box: _Box) -> None:
        if box.link is not None and not box.frozen and not box.link.ended:
            self._turn(box, box.link, 0)
        self._at(time.monotonic() + _MISC_S, partial(self._look, box))

    def _again(self, box: _Box) -> None:
        self._at(time.monotonic() + box.backoff.next_s(), partial(self._open, box))

    def _drop(self, box: _Box) -> None:
        if box.socket is not None:
            self._selector.unregister(box.socket)
            box.socket = None
        if box.link is not None:
            box.link.close()
            box.link = None
        box.greeted = False
        box.unanswered = 0
