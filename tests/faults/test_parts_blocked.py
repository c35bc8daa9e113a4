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

    def __init__(self, outbox: Outbox, address: str) -> None:
        self.outbox = outbox
        self.vitals = Vitals()
        self.vitals.ready.set()
        self.camera = CameraHealth()
        self.gates = {name: Gate() for name in ("outbox", "npu", "capture", "web")}
        self.stopping = threading.Event()
        limits = Limits(
            camera_s=LIMIT_S, threads_s={"web": LIMIT_S}, calls_s={"npu": LIMIT_S}, storing_s=LIMIT_S
        )
        notifier = Notifier(address, str(round(0.2 * 1e6)))
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


class Systemd:
    """Takes every sign of life at once: its queue is short, and who sends waits for room."""

    def __init__(self, receiver: socket.socket) -> None:
        self.pings = 0
        self._receiver = receiver

    def listen(self) -> None:
        while message := self._receiver.recv(4096):
            self.pings += message == b"WATCHDOG=1"

    def await_ping(self) -> None:
        before = self.pings
        wait_for(lambda: self.pings > before)

    def pings_within(self, seconds: float) -> int:
        before = self.pings
        time.sleep(seconds)
        return self.pings - before


@pytest.fixture
def address(tmp_path):
    return str(tmp_path / "notify.sock")


@pytest.fixture
def systemd(address):
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(address)
        systemd = Systemd(receiver)
        thread = threading.Thread(target=systemd.listen)
        thread.start()
        yield systemd
        receiver.shutdown(socket.SHUT_RDWR)
        thread.join(10)


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


def wait_for(true):
    end_s = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.mark.parametrize("part", ["outbox", "npu", "capture", "web"])
def test_a_blocked_part_stops_the_pings_is_named_once_and_they_go_on_when_it_does(
    tmp_path, systemd, address, part
):
    with closing(Outbox.open(OutboxConfig(path=tmp_path / "outbox.db"))) as outbox, capture_logs() as logs:
        box = Box(outbox, address)
        with running(box):
            systemd.await_ping()
            box.gates[part].shut()
            assert box.gates[part].held.wait(10)
            wait_for(lambda: box.heart.stuck() == [part])
            time.sleep(0.2)  # a beat may have begun
            assert systemd.pings_within(0.5) == 0
            box.gates[part].open()
            systemd.await_ping()
    named = [each["parts"] for each in logs if each["event"] == "no progress; the watchdog is not fed"]
    assert named == [[part]]
    assert len([each for each in logs if each["event"] == "every part gets on again"]) == 1


def test_a_camera_that_is_lost_and_tried_again_does_not_stop_the_pings(tmp_path, systemd, address):
    with closing(Outbox.open(OutboxConfig(path=tmp_path / "outbox.db"))) as outbox:
        box = Box(outbox, address)

        def gone():
            raise CameraLost("the cable came off")

        box.capture = lambda: keep_capturing(
            gone, LatestSlot(), box.stopping, box.camera, timeout_s=1, retry_s=0.05
        )
        with running(box):
            wait_for(lambda: box.camera.report().state == "lost")
            systemd.await_ping()
            assert systemd.pings_within(2 * LIMIT_S) > 2
            assert box.heart.stuck() == []
