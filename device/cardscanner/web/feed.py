"""Feed: what happens, told to every page that is open, as server-sent events.

Nothing runs while no page listens. Each page has a small box of its own: of the state and the hints it holds
the newest, of scans at most :data:`MOST_WAITING`; a page that reads too slowly for them is told to ask again
(``resync``), so that none is missed silently.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog

from cardscanner.errors import CardscannerError
from cardscanner.history import Entry
from cardscanner.live import newest_scene
from cardscanner.web.entry_json import entry_json
from cardscanner.web.errors import WebRefused
from cardscanner.web.hints import Hints
from cardscanner.web.present import gist, present_state
from cardscanner.web.room import WebRoom
from cardscanner.web.streaming import NextPiece

log = structlog.get_logger(__name__)

MOST_LISTENERS = 64
MOST_WAITING = 100
_LOOK_S = 1.0
_PING_S = 10.0
_AGAIN_LOOKS = 10
"""A state is told again after so many looks though nothing changed: its figures have."""


class Feed:
    """Used from the server's event loop; only the history's news come from another thread."""

    def __init__(self, room: WebRoom, look_s: float = _LOOK_S, ping_s: float = _PING_S) -> None:
        self._room = room
        self._look_s = look_s
        self.ping_s = ping_s
        self._boxes: set[Box] = set()
        self._looking: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] = lambda: None
        self.hints: list[dict[str, str]] = []
        self._state: dict[str, Any] | None = None

    @property
    def listeners(self) -> int:
        """How many pages listen."""
        return len(self._boxes)

    @contextmanager
    def listening(self, *, again: bool = False) -> Iterator[NextPiece]:
        """Listen while the block runs; the pieces are events. ``again``: the page has listened before.

        Raises
        ------
        WebRefused
            Too many listen.
        """
        if len(self._boxes) >= MOST_LISTENERS:
            raise WebRefused(
                503, "busy", f"{MOST_LISTENERS} pages are open already: close one of them, or try again later"
            )
        box = Box(self._room.control.stopping, self.ping_s)
        if again:
            box.put("resync", {})
        if not self._boxes:
            self._begin()
        if self._state is not None:
            box.put("state", self._state)
        self._boxes.add(box)
        try:
            yield box.next_piece
        finally:
            self._boxes.discard(box)
            if not self._boxes:
                self._end()

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()

        def news(kind: str, entry: Entry) -> None:
            document = entry_json(entry)
            with suppress(RuntimeError):  # the server has just stopped
                loop.call_soon_threadsafe(self._tell, kind, document)

        self._unlisten = self._room.history.listen(news)
        self._looking = asyncio.create_task(self._look())

    def _end(self) -> None:
        self._unlisten()
        if self._looking is not None:
            self._looking.cancel()
        self._looking, self.hints, self._state = None, [], None

    def _tell(self, event: str, document: Any) -> None:
        for box in self._boxes:
            box.put(event, document)

    async def _look(self) -> None:
        """Look at the box once a second while somebody listens, and tell what changed."""
        hints, looks = Hints(), 0
        fault: str | None = None
        with self._room.live.watching():
            while True:
                seen = await asyncio.to_thread(
                    hints.look, newest_scene(self._room.live, self._room.control.slot)
                )
                if seen != self.hints:
                    self.hints = seen
                    self._tell("hints", seen)
                try:
                    document = await asyncio.to_thread(present_state, self._room, seen)
                except CardscannerError as error:  # the disk, mostly; the page keeps what it has
                    if fault is None:
                        log.warning("the page's state cannot be told", error=str(error))
                    fault = str(error)
                else:
                    fault = None
                    if (
                        looks % _AGAIN_LOOKS == 0
                        or self._state is None
                        or gist(document) != gist(self._state)
                    ):
                        self._tell("state", document)
                        self._state = document
                    looks += 1
                await asyncio.sleep(self._look_s)


class Box:
    """What one page has not read yet. Used from the event loop only."""

    def __init__(self, stopping: threading.Event, ping_s: float) -> None:
        self._stopping = stopping
        self._ping_s = ping_s
        self._newest: dict[str, Any] = {}
        self._scans: deque[tuple[str, Any]] = deque()
        self._fresh = asyncio.Event()
        self.overflows = 0

    def put(self, event: str, document: Any) -> None:
        """Leave an event."""
        if event in ("state", "hints", "resync"):
            self._newest[event] = document
        elif "resync" not in self._newest:
            self._scans.append((event, document))
        if len(self._scans) > MOST_WAITING:
            self._scans.clear()
            self.overflows += 1
            self._newest["resync"] = {}
        self._fresh.set()

    async def next_piece(self) -> bytes | None:
        """Return what waits, as events; a comment when nothing came for a while; ``None`` at the end."""
        try:
            async with asyncio.timeout(self._ping_s):
                await self._fresh.wait()
        except TimeoutError:
            return None if self._stopping.is_set() else b": ping\n\n"
        self._fresh.clear()
        newest, scans = self._newest, list(self._scans)
        self._newest, self._scans = {}, deque()
        order = [(name, newest[name]) for name in ("resync", "state", "hints") if name in newest]
        return b"".join(_event(name, document) for name, document in order + scans)


def _event(name: str, document: Any) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode()
