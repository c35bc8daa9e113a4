"""The capture thread: a lost camera comes back by itself, and nothing stale is passed on."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from fake_cameras import write_pictures
from structlog.testing import capture_logs

from cardscanner.capture import open_source
from cardscanner.capture.health import CameraHealth
from cardscanner.capture.keeper import keep_capturing
from cardscanner.config import ReplayConfig
from cardscanner.errors import CameraLost, ConfigError, EndOfReplay
from cardscanner.mailbox import LatestSlot
from cardscanner.records import Frame

LOST = CameraLost("the cable came off")


class Script:
    """A camera whose every opening follows a list: frames to give, then the error to raise."""

    def __init__(self, *openings):
        self._openings = list(openings)
        self.opened = 0
        self.closed = 0

    def open(self):
        opening = self._openings.pop(0)
        if isinstance(opening, Exception):
            raise opening
        self.opened += 1
        return Play(self, list(opening))


class Play:
    def __init__(self, script, steps):
        self._script = script
        self._steps = steps
        self._seq = -1

    def read(self, timeout_s):
        step = self._steps.pop(0)
        if isinstance(step, Exception):
            raise step
        self._seq += step
        return Frame(np.zeros((1, 1, 3), np.uint8), self._seq, time.monotonic_ns(), "script")

    def close(self):
        self._script.closed += 1


class KeepingSlot(LatestSlot):
    """A slot that remembers what was put into it."""

    def __init__(self):
        super().__init__()
        self.put_seqs = []

    def put(self, item):
        self.put_seqs.append(item.seq)
        super().put(item)


def keep(script, slot=None, health=None, stopping=None, retry_s=0.0):
    slot, health = slot or KeepingSlot(), health or CameraHealth()
    with capture_logs() as logs:
        keep_capturing(
            script.open, slot, stopping or threading.Event(), health, timeout_s=0.1, retry_s=retry_s
        )
    return slot, health, [(line["log_level"], line["event"]) for line in logs]


def test_the_end_of_a_recording_ends_the_loop_and_is_no_loss():
    script = Script([1, 1, EndOfReplay("played to its end")])
    slot, health, logs = keep(script)
    assert slot.put_seqs == [0, 1]
    report = health.report()
    assert (report.state, report.reason, report.losses) == ("ended", "played to its end", 0)
    assert script.closed == script.opened == 1
    assert logs == [("info", "camera delivers frames"), ("info", "recording is over")]


def test_a_loss_is_logged_once_and_the_return_once_however_many_tries_it_takes():
    script = Script([1, LOST], CameraLost("absent"), CameraLost("absent"), [1, 1, EndOfReplay("end")])
    _, health, logs = keep(script)
    assert logs == [
        ("info", "camera delivers frames"),
        ("warning", "camera is lost; trying to open it again"),
        ("info", "camera is back"),
        ("info", "recording is over"),
    ]
    assert health.report().losses == 1
    assert script.closed == script.opened == 2


def test_numbers_go_on_rising_over_a_reopened_camera():
    script = Script([1, 1, 3, LOST], [1, 2, EndOfReplay("end")])
    assert keep(script)[0].put_seqs == [0, 1, 4, 5, 7]


def test_a_frame_from_before_the_loss_is_not_delivered_after_it():
    slot = LatestSlot()
    found = []

    class Spy(Script):
        def open(self):
            if self.opened == 1:
                found.append(slot.take(timeout_s=0))
            return super().open()

    keep(Spy([1, 1, LOST], [EndOfReplay("end")]), slot)
    assert found == [None]


def test_the_state_is_lost_before_a_slow_close_begins():
    health = CameraHealth()
    states = []

    class SlowToClose(Script):
        def open(self):
            play = super().open()
            play.close = lambda: states.append(health.report().state)
            return play

    keep(SlowToClose([1, LOST], [EndOfReplay("end")]), health=health)
    assert states[0] == "lost"


def test_what_reopening_cannot_cure_is_raised_and_the_camera_closed():
    script = Script([1, ConfigError("camera.controls.X")])
    with pytest.raises(ConfigError):
        keep(script)
    assert script.closed == 1


def test_a_stop_during_the_pause_before_a_retry_ends_the_loop_at_once():
    script = Script(LOST)
    stopping = threading.Event()
    health = CameraHealth()
    thread = threading.Thread(
        target=keep_capturing,
        args=(script.open, LatestSlot(), stopping, health),
        kwargs={"timeout_s": 1, "retry_s": 600},
    )
    thread.start()
    while health.report().state != "lost":
        threading.Event().wait(0.005)
    stopping.set()
    thread.join(5)
    assert not thread.is_alive()


def test_a_replayed_folder_runs_through_the_loop_to_its_end(tmp_path):
    path = write_pictures(tmp_path / "p", 5)
    slot, health = KeepingSlot(), CameraHealth()
    config = ReplayConfig(backend="replay", path=path, paced=False)
    keep_capturing(
        lambda: open_source(config), slot, threading.Event(), health, timeout_s=config.timeout_s, retry_s=1
    )
    assert slot.put_seqs == [0, 1, 2, 3, 4]
    assert health.report().state == "ended"


class Captured:
    """The loop in a thread, with a reader that writes down every frame it takes."""

    def __init__(self, config):
        self.health = CameraHealth()
        self.slot = LatestSlot()
        self.frames = []
        self._config = config
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._keep), threading.Thread(target=self._read)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join(10)

    def wait_for(self, state, timeout_s=10):
        start_s = time.monotonic()
        while self.health.report().state != state:
            assert time.monotonic() - start_s < timeout_s, self.health.report()
            threading.Event().wait(0.01)
        return time.monotonic() - start_s

    def _keep(self):
        keep_capturing(
            lambda: open_source(self._config),
            self.slot,
            self._stopping,
            self.health,
            timeout_s=self._config.timeout_s,
            retry_s=self._config.retry_s,
        )

    def _read(self):
        while not self._stopping.is_set():
            if frame := self.slot.take(timeout_s=0.1):
                self.frames.append((frame.seq, frame.captured_ns, time.monotonic_ns()))


@pytest.mark.parametrize(("fault", "state"), [("unplugged", "lost"), ("frozen", "frozen")])
def test_unplugged_or_frozen_it_is_lost_in_time_and_back_after_the_replug_without_a_stale_frame(
    steering, pi_config, fault, state
):
    config = pi_config(timeout_s=1.5, retry_s=0.2)
    with Captured(config) as captured:
        captured.wait_for("ok")
        steering.set(stream=fault, camera="absent" if fault == "unplugged" else "present")
        assert captured.wait_for(state) < config.timeout_s + 1
        lost_ns = time.monotonic_ns()
        threading.Event().wait(1.0)
        assert captured.health.report().state == state
        steering.set()
        assert captured.wait_for("ok") < 10
        back = captured.health.report()
        threading.Event().wait(0.3)
    seqs = [seq for seq, _, _ in captured.frames]
    assert seqs == sorted(set(seqs))
    assert not [1 for _, _, taken_ns in captured.frames if lost_ns < taken_ns < back.since_ns]
    after = [captured_ns for _, captured_ns, taken_ns in captured.frames if taken_ns > lost_ns]
    assert after
    assert min(after) > lost_ns
    assert back.losses == 1


def test_a_picture_that_stays_black_is_said_and_the_camera_stays_open(steering, pi_config):
    with Captured(pi_config()) as captured:
        captured.wait_for("ok")
        steering.set(stream="dark")
        assert captured.wait_for("black") < 3
        report = captured.health.report()
        assert (report.blind, report.losses) == (True, 0)
        assert "cover off the lens" in report.reason
        steering.set()
        assert captured.wait_for("ok") < 1
    assert [call[0] for call in steering.calls()].count("open") == 1
