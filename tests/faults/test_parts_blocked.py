"""Each part that the liveness rule names is blocked on purpose: no sign of life until it gets on again."""

import asyncio
import socket
import threading
import time
from contextlib import closing, contextmanager

import numpy as np
import pytest
from projecting import ProjectingEmbedder
from structlog.testing import capture_logs

from cardscanner.accelerator import Accelerator
from cardscanner.capture.health import CameraHealth
from cardscanner.capture.keeper import keep_capturing
from cardscanner.config import OutboxConfig
from cardscanner.errors import CameraLost
from cardscanner.heart import Heart, Limits
from cardscanner.mailbox import LatestSlot
from cardscanner.notify import Notifier
from cardscanner.ports import EmbedderHealth
from cardscanner.publish import Outbox
from cardscanner.records import Frame
from cardscanner.vitals import Vitals

LIMIT_S = 1.0


class Gate:
    """Lets through whoever comes, until it is shut."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self.shut, self.open = self._open.clear, self._open.set
        self.held = threading.Event()
        """Set once somebody stands before it."""

    def pass_through(self) -> None:
        if not self._open.is_set():
            self.held.set()
            self._open.wait(20)


class Box:
    """The heart with a real outbox, and a working accelerator, camera and event loop, each behind a gate."""

    def __init__(self, outbox: Outbox, systemd: socket.socket) -> None:
        self.outbox = outbox
        self.vitals = Vitals()
        self.vitals.ready.set()
        self.camera = CameraHealth()
        self.gates = {name: Gate() for name in ("outbox", "npu", "capture", "web")}
        self.stopping = threading.Event()
        limits = Limits(
            camera_s=LIMIT_S, threads_s={"web": LIMIT_S}, calls_s={"npu": LIMIT_S}, storing_s=LIMIT_S
        )
        notifier = Notifier(systemd.getsockname(), str(round(0.2 * 1e6)))
        self.heart = Heart(notifier, self.camera, self.vitals, outbox, limits, web=True)

    def store(self) -> None:
        """Store something small, again and again."""

        def compose(_stamp):
            self.gates["outbox"].pass_through()
            return b"{}"

        while not self.stopping.wait(0.02):
            self.outbox.put("topic", compose)

    def embed(self) -> None:
        gate = self.gates["npu"]

        class Chip(ProjectingEmbedder):
            def embed(self, crops):
                gate.pass_through()
                return super().embed(crops)

            def attend(self):
                return EmbedderHealth("ok")

        chip = Accelerator(Chip(), self.vitals, chip=True)
        while not self.stopping.wait(0.02):
            assert chip.attend()
            chip.embed(np.full((1, 32, 32, 3), 7, np.uint8))

    def capture(self) -> None:
        gate, seq = self.gates["capture"], iter(range(10**9))

        class Camera:
            def read(self, _timeout_s):
                gate.pass_through()
                time.sleep(0.02)
                pixels = np.full((8, 8, 3), 90, np.uint8)
                return Frame(pixels, next(seq), time.monotonic_ns(), "top")

            def close(self):
                pass

        keep_capturing(Camera, LatestSlot(), self.stopping, self.camera, timeout_s=1, retry_s=0.1)

    def serve(self) -> None:
        async def loop():
            while not self.stopping.is_set():
                self.vitals.progress("web")
                self.gates["web"].pass_through()  # a handler that blocks blocks everything
                await asyncio.sleep(0.02)

        asyncio.run(loop())

    def beat(self) -> None:
        while not self.stopping.wait(0.02):
            self.heart.tick()


@pytest.fixture
def systemd(tmp_path):
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(str(tmp_path / "notify.sock"))
        receiver.settimeout(10)
        yield receiver


@contextmanager
def running(box):
    threads = [
        threading.Thread(target=each) for each in (box.store, box.embed, box.capture, box.serve, box.beat)
    ]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        for gate in box.gates.values():
            gate.open()
        box.stopping.set()
        for each in threads:
            each.join(10)


def await_ping(systemd):
    while systemd.recv(4096) != b"WATCHDOG=1":
        pass


def pings_so_far(systemd):
    """Take what has come, and count the signs of life in it."""
    found = 0
    systemd.setblocking(False)
    try:
        while True:
            found += systemd.recv(4096) == b"WATCHDOG=1"
    except BlockingIOError:
        return found
    finally:
        systemd.settimeout(10)


def wait_for(true):
    end_s = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.mark.parametrize("part", ["outbox", "npu", "capture", "web"])
def test_a_blocked_part_stops_the_pings_is_named_once_and_they_go_on_when_it_does(tmp_path, systemd, part):
    with closing(Outbox.open(OutboxConfig(path=tmp_path / "outbox.db"))) as outbox, capture_logs() as logs:
        box = Box(outbox, systemd)
        with running(box):
            await_ping(systemd)
            box.gates[part].shut()
            assert box.gates[part].held.wait(10)
            wait_for(lambda: box.heart.stuck() == [part])
            time.sleep(0.2)  # a beat may have begun
            pings_so_far(systemd)
            time.sleep(0.5)
            assert pings_so_far(systemd) == 0
            box.gates[part].open()
            await_ping(systemd)
    named = [each["parts"] for each in logs if each["event"] == "no progress; the watchdog is not fed"]
    assert named == [[part]]
    assert len([each for each in logs if each["event"] == "every part gets on again"]) == 1


def test_a_camera_that_is_lost_and_tried_again_does_not_stop_the_pings(tmp_path, systemd):
    with closing(Outbox.open(OutboxConfig(path=tmp_path / "outbox.db"))) as outbox:
        box = Box(outbox, systemd)

        def gone():
            raise CameraLost("the cable came off")

        box.capture = lambda: keep_capturing(
            gone, LatestSlot(), box.stopping, box.camera, timeout_s=1, retry_s=0.05
        )
        with running(box):
            wait_for(lambda: box.camera.report().state == "lost")
            await_ping(systemd)
            pings_so_far(systemd)
            time.sleep(2 * LIMIT_S)
            assert pings_so_far(systemd) > 2
            assert box.heart.stuck() == []
