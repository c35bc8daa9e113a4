"""The live view over a real server: one encoder for all, the newest picture for each, nothing for nobody."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import ExitStack

import cv2
import numpy as np
import pytest
from pages import read_parts, serving_page
from small_scanner import photo

from cardscanner.live import LiveView, Scene, newest_scene
from cardscanner.mailbox import LatestSlot
from cardscanner.records import Frame, Outline
from cardscanner.web.errors import WebRefused
from cardscanner.web.live_stream import MOST_VIEWERS, LiveStream
from cardscanner.web.streaming import Streamed

CORNERS = np.array([[60, 80], [160, 80], [160, 220], [60, 220]], np.float32)
"""A place on the bare table."""


def frame(seq, at_ns=None):
    return Frame(photo(3, seed=seq), seq, at_ns or time.monotonic_ns(), "top")


class Scanning:
    """Offers scenes as the scan thread does: only while somebody watches."""

    def __init__(self, page, fps=30):
        self.offered = 0
        self._page, self._pause_s = page, 1 / fps
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._scan)
        self._picture = photo(3)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(5)

    def _scan(self):
        seq = 0
        while not self._stop.wait(self._pause_s):
            seq += 1
            shown = Frame(self._picture, seq, time.monotonic_ns(), "top")
            self._page.room.control.slot.put(shown)
            if self._page.live.watched:
                self.offered += 1
                self._page.live.scenes.put(Scene(shown, (Outline(CORNERS, None, False),)))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with serving_page(tmp_path_factory.mktemp("page")) as found:
        yield found


def eventually(true, timeout_s=10):
    end_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.02)


def test_a_viewer_gets_pictures_with_outlines_at_most_ten_a_second(page):
    with Scanning(page), page.client("bob") as bob, bob.stream("GET", "/live.mjpeg") as response:
        assert response.headers["content-type"].startswith("multipart/x-mixed-replace; boundary=")
        parts = read_parts(response)
        next(parts)
        began_s = time.monotonic()
        found = [next(parts) for _ in range(8)]
        took_s = time.monotonic() - began_s
    assert took_s > 0.6
    shown = cv2.imdecode(np.frombuffer(found[-1], np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (480, 640, 3)
    changed = np.abs(shown[:, :, ::-1].astype(int) - photo(3)).max(2) > 50
    assert changed[140:150, 58:63].any(), "the outline is drawn"
    assert not changed[140:150, 70:150].any()
    eventually(lambda: not page.live.watched)


def test_nobody_who_watches_costs_nothing(page):
    with Scanning(page) as scanning:
        time.sleep(0.3)
        assert scanning.offered == 0
        assert not any(each.name.startswith("live") for each in threading.enumerate())


def test_frames_are_shown_without_outlines_while_nothing_is_scanned(page):
    page.room.control.slot.put(frame(1))
    with page.client("bob") as bob, bob.stream("GET", "/live.mjpeg") as response:
        parts = read_parts(response)
        first = cv2.imdecode(np.frombuffer(next(parts), np.uint8), cv2.IMREAD_COLOR)
        assert np.abs(first[:, :, ::-1].astype(int) - photo(3, seed=1)).mean() < 6
        page.room.control.slot.put(frame(2))
        assert next(parts)


def test_too_many_viewers_are_refused_and_one_who_leaves_makes_room(page):
    page.room.control.slot.put(frame(1))
    with ExitStack() as open_ones, page.client("bob") as bob:
        streams = [
            open_ones.enter_context(page.client("bob").stream("GET", "/live.mjpeg"))
            for _ in range(MOST_VIEWERS)
        ]
        refused = bob.get("/live.mjpeg")
        assert refused.status_code == 503
        assert "64" in refused.json()["error"]["message"]
        streams[0].close()

        def admitted():
            with bob.stream("GET", "/live.mjpeg") as response:
                return response.status_code == 200

        eventually(admitted)


def test_a_client_that_reads_nothing_blocks_nobody(page):
    token, _ = page.logins.begin("bob")
    port = int(page.url.rsplit(":", 1)[1])
    with Scanning(page), ExitStack() as open_ones:
        for _ in range(5):
            deaf = open_ones.enter_context(socket.socket())
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", port))
            deaf.sendall(
                f"GET /live.mjpeg HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                f"Cookie: cardscanner_session={token}\r\n\r\n".encode()
            )
        with page.client("bob") as bob, bob.stream("GET", "/live.mjpeg") as response:
            parts = read_parts(response)
            began_s = time.monotonic()
            for _ in range(15):
                next(parts)
            assert time.monotonic() - began_s < 10
            with page.client("bob") as other:
                assert other.get("/api/state").status_code == 200


def test_a_client_that_takes_nothing_is_cut_off_after_its_patience():
    sent = []

    async def send(message):
        if message.get("body") == b"" and len(sent) > 3:
            await asyncio.sleep(60)  # the server waits for room in the connection
        sent.append(message)

    async def receive():
        await asyncio.sleep(60)

    class Source:
        left = False

        def __enter__(self):
            async def piece():
                return b"piece"

            return piece

        def __exit__(self, *_):
            self.left = True

    source = Source()
    began_s = time.monotonic()
    asyncio.run(Streamed(source, "text/plain", patience_s=0.2)({}, receive, send))
    assert source.left
    assert time.monotonic() - began_s < 5


def test_a_client_that_goes_is_forgotten_at_once_though_no_picture_comes():
    live, slot = LiveView(), LatestSlot()
    stream = LiveStream(live, slot, threading.Event())

    async def run():
        async def receive():
            await asyncio.sleep(0.1)
            return {"type": "http.disconnect"}

        async def send(message):
            pass

        await asyncio.wait_for(Streamed(stream.viewing(), "image/jpeg")({}, receive, send), 3)

    asyncio.run(run())
    assert stream.viewers == 0
    assert not live.watched


def test_an_encoder_that_fails_ends_the_streams_instead_of_silence():
    live, slot = LiveView(), LatestSlot()
    stream = LiveStream(live, slot, threading.Event())
    slot.put(Frame(np.zeros((4, 4, 5), np.uint8), 1, 1, "top"))  # no picture at all

    async def run():
        with stream.viewing() as next_part:
            await next_part()

    with pytest.raises(cv2.error):
        asyncio.run(run())


def test_missed_pictures_are_counted_for_a_viewer_that_was_busy():
    live, slot = LiveView(), LatestSlot()
    stream = LiveStream(live, slot, threading.Event())

    async def run():
        with stream.viewing() as busy, stream.viewing() as quick:
            live.scenes.put(Scene(frame(1), ()))
            await asyncio.gather(busy(), quick())
            for seq in (2, 3, 4):
                live.scenes.put(Scene(frame(seq), ()))
                await quick()
            await busy()

    asyncio.run(run())
    assert stream.skipped == 2
    assert stream.encoded == 4


def test_the_stop_ends_every_stream():
    stopping = threading.Event()
    stream = LiveStream(LiveView(), LatestSlot(), stopping)

    async def run():
        with stream.viewing() as next_part:
            waiting = asyncio.create_task(next_part())
            await asyncio.sleep(0.1)
            stopping.set()
            return await asyncio.wait_for(waiting, 3)

    assert asyncio.run(run()) is None


def test_the_65th_viewer_is_refused_before_anything_is_sent():
    stream = LiveStream(LiveView(), LatestSlot(), threading.Event())

    async def run():
        with ExitStack() as watching:
            for _ in range(MOST_VIEWERS):
                watching.enter_context(stream.viewing())
            with pytest.raises(WebRefused, match="64 browsers"):
                watching.enter_context(stream.viewing())
        assert stream.viewers == 0

    asyncio.run(run())


def test_outlines_of_another_moment_are_not_drawn_on_a_newer_frame():
    live, slot = LiveView(), LatestSlot()
    assert newest_scene(live, slot) is None
    old = Scene(frame(1, at_ns=10**9), (Outline(CORNERS, None, False),))
    live.scenes.put(old)
    slot.put(frame(2, at_ns=10**9 + 5 * 10**8))
    assert newest_scene(live, slot) is old
    newer = frame(3, at_ns=5 * 10**9)
    slot.put(newer)
    assert newest_scene(live, slot).frame is newer
    assert newest_scene(live, slot).outlines == ()


def test_what_was_left_from_the_last_viewer_is_not_shown_to_the_next():
    live = LiveView()
    with live.watching() as scenes:
        live.scenes.put(Scene(frame(1), ()))
    with live.watching() as scenes:
        assert scenes.take(0) is None
