"""What feeds the watchdog: progress of every thread, and nothing else."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from cardscanner.capture.health import CameraHealth
from cardscanner.heart import Heart
from cardscanner.notify import Notifier
from cardscanner.vitals import Vitals

PATIENT = {"scan": 60.0, "publish": 60.0}


@pytest.fixture
def systemd(tmp_path):
    """The socket on which systemd listens."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(str(tmp_path / "notify.sock"))
        receiver.setblocking(False)
        yield receiver


def heard(systemd):
    messages = []
    while True:
        try:
            messages.append(systemd.recv(4096).decode())
        except BlockingIOError:
            return messages


def heart(systemd, camera, vitals, camera_limit_s=60.0, limits_s=PATIENT):
    """A heart that beats at each tick."""
    notifier = Notifier(systemd.getsockname(), "1")
    return Heart(notifier, camera, vitals, camera_limit_s, limits_s)


def test_ready_is_said_once_and_only_when_everything_is_open(systemd):
    vitals = Vitals()
    beating = heart(systemd, CameraHealth(), vitals)
    beating.tick()
    assert not any("READY" in each for each in heard(systemd))
    vitals.ready.set()
    beating.tick()
    beating.tick()
    assert [each for each in heard(systemd) if "READY" in each] == ["READY=1\nSTATUS=scanning"]


def test_the_watchdog_is_fed_while_every_thread_gets_on(systemd):
    vitals = Vitals()
    vitals.ready.set()
    beating = heart(systemd, CameraHealth(), vitals)
    for _ in range(3):
        vitals.progress("scan")
        vitals.progress("publish")
        beating.tick()
    assert heard(systemd).count("WATCHDOG=1") == 3


@pytest.mark.parametrize("thread", ["scan", "publish"])
def test_the_watchdog_goes_hungry_when_one_thread_makes_no_progress(systemd, thread):
    beating = heart(systemd, CameraHealth(), Vitals(), limits_s={**PATIENT, thread: 0.0})
    with capture_logs() as logs:
        beating.tick()
    assert heard(systemd) == []
    (line,) = logs
    assert line["threads"] == [thread]


def test_a_capture_thread_that_hangs_starves_it_too_but_a_recording_that_is_over_does_not(systemd):
    camera, vitals = CameraHealth(), Vitals()
    beating = heart(systemd, camera, vitals, camera_limit_s=0.0)
    beating.tick()
    assert heard(systemd) == ["WATCHDOG=1"]  # before everything is open nobody expects frames
    vitals.ready.set()
    with capture_logs() as logs:
        beating.tick()
    assert heard(systemd) == ["READY=1\nSTATUS=scanning"]
    assert [each.get("threads") for each in logs] == [None, ["capture"]]
    camera.ended("played to its end")
    beating.tick()
    assert heard(systemd) == ["WATCHDOG=1"]


def test_a_lost_camera_that_is_being_recovered_is_progress(systemd):
    camera, vitals = CameraHealth(), Vitals()
    vitals.ready.set()
    beating = heart(systemd, camera, vitals)
    camera.lost("the cable came off")
    beating.tick()
    assert "WATCHDOG=1" in heard(systemd)
