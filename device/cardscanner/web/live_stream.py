"""LiveStream: one encoder for everybody who watches, which works only while somebody waits for a picture."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import structlog

from cardscanner.live import LiveView, Scene, newest_scene
from cardscanner.mailbox import LatestSlot
from cardscanner.records import Frame
from cardscanner.web.errors import WebRefused
from cardscanner.web.live_pictures import scene_jpeg
from cardscanner.web.streaming import NextPiece

log = structlog.get_logger(__name__)

MOST_VIEWERS = 64
BOUNDARY = "cardscanner-frame"
MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

_MARK = f"--{BOUNDARY}\r\n".encode()
_LEAST_S = 0.1
"""Between two pictures."""
_WAIT_S = 0.5
"""For a scene; then the camera's newest frame is shown as it is."""
_AGAIN_S = 5.0
"""A still picture is sent again so often: it shows that the connection lives."""


class LiveStream:
    """Used from the server's event loop only. Pictures are made in a thread that ends with the last viewer.

    A viewer gets the newest picture whenever its connection has room for one; what it missed is counted.
    """

    def __init__(self, live: LiveView, slot: LatestSlot[Frame], stopping: threading.Event) -> None:
        self._live = live
        self._slot = slot
        self._stopping = stopping
        self._encoding: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._fresh = asyncio.Event()
        self._picture = b""
        self.viewers = 0
        self.encoded = 0
        """Pictures that were made."""
        self.skipped = 0
        """Pictures that single viewers missed, because they were still busy with one before."""

    @contextmanager
    def viewing(self) -> Iterator[NextPiece]:
        """Watch while the block runs; the pieces are parts of a ``multipart/x-mixed-replace`` body.

        Raises
        ------
        WebRefused
            Too many watch.
        """
        if self.viewers >= MOST_VIEWERS:
            raise WebRefused(
                503, "busy", f"{MOST_VIEWERS} browsers watch already: close one of them, or try again later"
            )
        self.viewers += 1
        if self._encoding is None:
            self._encoding = asyncio.create_task(self._encode())
        viewer = _Viewer(self)
        try:
            yield viewer.next_part
        finally:
            self.viewers -= 1
            log.debug("a viewer left", pictures=viewer.sent, missed=viewer.missed)
            if self.viewers == 0:
                self._encoding.cancel()
                self._encoding = None

    async def newest(self, seen: int) -> tuple[int, bytes] | None:
        """Return number and JPEG of the newest picture once it is another than ``seen``; ``None``: no news.

        The encoder's own end is raised here, in everybody who waits for it.
        """
        for _ in range(round(_AGAIN_S / _WAIT_S)):
            if self._stopping.is_set() or (self._picture and self.encoded != seen):
                break
            self._wanted.set()
            fresh = asyncio.ensure_future(self._fresh.wait())
            waiting = {fresh} if self._encoding is None else {fresh, self._encoding}
            await asyncio.wait(waiting, timeout=_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
            fresh.cancel()
            if self._encoding is not None and self._encoding.done():
                self._encoding.result()
        return None if self._stopping.is_set() else (self.encoded, self._picture)

    async def _encode(self) -> None:
        loop, last = asyncio.get_running_loop(), -1
        self._picture = b""  # the one that was left there may be hours old
        pool = ThreadPoolExecutor(1, thread_name_prefix="live")
        try:
            with self._live.watching():
                while True:
                    await self._wanted.wait()
                    began_s = loop.time()
                    scene = await loop.run_in_executor(pool, self._next_scene, last)
                    if scene is None:
                        continue
                    self._wanted.clear()
                    self._picture = await loop.run_in_executor(pool, scene_jpeg, scene)
                    last = scene.frame.captured_ns
                    self.encoded += 1
                    self._fresh.set()
                    self._fresh = asyncio.Event()
                    await asyncio.sleep(max(0.0, began_s + _LEAST_S - loop.time()))
        finally:
            pool.shutdown(wait=False)

    def _next_scene(self, last_ns: int) -> Scene | None:
        """Return the next scene, or the camera's frame where nobody looks at it; ``None``: nothing new."""
        scene = self._live.scenes.take(_WAIT_S)
        if scene is None:
            scene = newest_scene(self._live, self._slot)
        return None if scene is None or scene.frame.captured_ns == last_ns else scene


class _Viewer:
    def __init__(self, stream: LiveStream) -> None:
        self._stream = stream
        self._seen = -1
        self.sent = 0
        self.missed = 0

    async def next_part(self) -> bytes | None:
        found = await self._stream.newest(self._seen)
        if found is None:
            return None
        number, jpeg = found
        if not jpeg:
            return b""  # no picture yet
        if self.sent:
            missed = max(0, number - self._seen - 1)
            self.missed += missed
            self._stream.skipped += missed
        self._seen = number
        self.sent += 1
        return (_MARK if self.sent == 1 else b"") + _part(jpeg)


def _part(jpeg: bytes) -> bytes:
    """Return one part with the mark that ends it: browsers show a picture when they read that."""
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
    return head.encode() + jpeg + b"\r\n" + _MARK
