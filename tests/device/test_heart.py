"""What feeds the watchdog: progress of every thread, and nothing else."""

from __future__ import annotations

import socket
import time
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from cardscanner.capture.health import CameraHealth
from cardscanner.heart import Heart, Limits
from cardscanner.notify import Notifier
from cardscanner.vitals import Vitals

PATIENT = {"scan": 60.0, "publish": 60.0}


class Disk:
    """What the outbox says about itself."""

    busy_s = 0.0


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


def heart(systemd, camera, vitals, disk=None, web=False, **limits):
    """A heart that beats at each tick."""
    notifier = Notifier(systemd.getsockname(), "1")
    patient = Limits(**{"camera_s": 60.0, "threads_s": PATIENT} | limits)
    return Heart(notifier, camera, vitals, disk or Disk(), patient, web=web)


def ready_vitals():
    vitals = Vitals()
    vitals.ready.set()
    return vitals


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


@pytest.mark.parametrize("thread", ["scan", "publish", "web"])
def test_the_watchdog_goes_hungry_when_one_thread_makes_no_progress(systemd, thread):
    vitals = ready_vitals()
    beating = heart(
        systemd, CameraHealth(), vitals, threads_s={**PATIENT, "web": 60.0, thread: 0.05}, web=True
    )
    time.sleep(0.1)
    with capture_logs() as logs:
        beating.tick()
        beating.tick()
    assert "WATCHDOG=1" not in heard(systemd)
    assert [each["parts"] for each in logs if each["log_level"] == "error"] == [[thread]]
    vitals.progress(thread)
    with capture_logs() as logs:
        beating.tick()
    assert heard(systemd) == ["WATCHDOG=1"]
    assert [(each["event"], each["parts"]) for each in logs] == [("every part gets on again", [thread])]


def test_nobody_waits_for_a_page_that_is_not_configured(systemd):
    beating = heart(systemd, CameraHealth(), ready_vitals(), threads_s={**PATIENT, "web": 0.0})
    beating.tick()
    assert "WATCHDOG=1" in heard(systemd)


def test_an_accelerator_call_that_never_ends_starves_the_watchdog_until_it_does(systemd):
    vitals = ready_vitals()
    beating = heart(systemd, CameraHealth(), vitals, calls_s={"npu": 0.05})
    with vitals.during("npu"):
        beating.tick()
        assert "WATCHDOG=1" in heard(systemd)
        time.sleep(0.1)
        assert beating.stuck() == ["npu"]
        beating.tick()
        assert heard(systemd) == []
    beating.tick()
    assert heard(systemd) == ["WATCHDOG=1"]


def test_a_disk_that_does_not_finish_starves_the_watchdog_until_it_does(systemd):
    disk = Disk()
    beating = heart(systemd, CameraHealth(), ready_vitals(), disk=disk, storing_s=5.0)
    disk.busy_s = 5.1
    beating.tick()
    assert "WATCHDOG=1" not in heard(systemd)
    assert beating.stuck() == ["outbox"]
    disk.busy_s = 0.0
    beating.tick()
    assert heard(systemd) == ["WATCHDOG=1"]


def test_a_capture_thread_that_hangs_starves_it_too_but_a_recording_that_is_over_does_not(systemd):
    camera, vitals = CameraHealth(), Vitals()
    beating = heart(systemd, camera, vitals, camera_s=0.0)
    beating.tick()
    assert heard(systemd) == ["WATCHDOG=1"]  # before everything is open nobody expects frames
    vitals.ready.set()
    beating.tick()
    assert heard(systemd) == ["READY=1\nSTATUS=scanning"]
    assert beating.stuck() == ["capture"]
    camera.ended("played to its end")
    beating.tick()
    assert heard(systemd) == ["WATCHDOG=1"]


def test_opening_for_ever_starves_the_watchdog_but_opening_a_large_database_does_not(systemd):
    vitals = Vitals()
    beating = heart(systemd, CameraHealth(), vitals, threads_s={"scan": 0.0}, opening_s=60.0)
    assert beating.stuck() == []
    assert heart(systemd, CameraHealth(), vitals, opening_s=0.0).stuck() == ["opening"]


def test_the_status_line_says_what_is_missing_and_says_so_again_when_it_changes(systemd):
    camera, vitals = CameraHealth(), ready_vitals()
    vitals.enter("npu_absent", "no Hailo chip is found: check the cable")
    beating = heart(systemd, camera, vitals)
    beating.tick()
    assert heard(systemd)[0] == "READY=1\nSTATUS=npu_absent: no Hailo chip is found: check the cable"
    vitals.leave("npu_absent")
    camera.lost("the cable came off")
    beating.tick()
    beating.tick()
    told = [each for each in heard(systemd) if "STATUS" in each]
    assert told == ["STATUS=camera_lost: the cable came off"]


def test_a_lost_camera_that_is_being_recovered_is_progress(systemd):
    camera, vitals = CameraHealth(), Vitals()
    vitals.ready.set()
    beating = heart(systemd, camera, vitals)
    camera.lost("the cable came off")
    beating.tick()
    assert "WATCHDOG=1" in heard(systemd)
