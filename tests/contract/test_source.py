"""Every frame source keeps the same promises; run over each backend, cameras behind doubles."""

from __future__ import annotations

import os
import signal
import time
from itertools import pairwise

import numpy as np
import pytest
from fake_cameras import (
    HttpCamera,
    PicameraSteering,
    children_of,
    is_gone,
    shows_bars,
    write_pictures,
    write_video,
)

from cardscanner.capture import open_source
from cardscanner.config import OpencvConfig, PicameraConfig, ReplayConfig
from cardscanner.errors import CameraLost, InputError

TIMEOUT_S = 1.0
READ_S = 10.0  # nothing is late here, whatever else the machine does
SLACK_S = 1.0


class Picamera:
    """picamera2 on its double."""

    def __init__(self, folder, monkeypatch):
        self.steering = PicameraSteering(folder)
        for key, value in self.steering.environment.items():
            monkeypatch.setenv(key, value)
        self.config = PicameraConfig(
            backend="picamera2", width=320, height=240, fps=30, timeout_s=TIMEOUT_S, name="pi"
        )
        self.missing = self.config
        self.size = 320, 240

    def unplug(self, source):
        self.steering.set(camera="absent", stream="unplugged")

    def replug(self):
        self.steering.set()

    def hang(self, source):
        self.steering.set(stop="hangs")

    def hide(self):
        self.steering.set(camera="absent")

    def close(self):
        pass


class Stream:
    """opencv on a live HTTP stream."""

    def __init__(self, folder, monkeypatch):
        self.camera = HttpCamera()
        self.config = OpencvConfig(backend="opencv", device=self.camera.url, timeout_s=TIMEOUT_S, name="net")
        self.size = 160, 120
        self.missing = self.config

    def unplug(self, source):
        self.camera.unplug()

    def replug(self):
        self.camera.replug()

    def hang(self, source):
        self.camera.silence()

    def hide(self):
        self.camera.unplug()

    def close(self):
        self.camera.close()


class File:
    """opencv on a video file, through the camera process; unplugged by killing that process."""

    def __init__(self, folder, monkeypatch):
        path = write_video(folder / "file.avi", frames=300)
        self.config = OpencvConfig(backend="opencv", device=str(path), timeout_s=TIMEOUT_S, name="file")
        self.missing = OpencvConfig(backend="opencv", device=str(folder / "absent.avi"))
        self.size = 160, 120

    def unplug(self, source):
        os.kill(source.pid, signal.SIGKILL)

    def replug(self):
        pass

    def hang(self, source):
        os.kill(source.pid, signal.SIGSTOP)

    def hide(self):
        pass

    def close(self):
        pass


class ReplayVideo:
    """replay of a video."""

    def __init__(self, folder, monkeypatch):
        path = write_video(folder / "replay.avi", frames=20)
        self.config = ReplayConfig(backend="replay", path=path, loop=True, timeout_s=TIMEOUT_S)
        self.missing = ReplayConfig(backend="replay", path=folder / "absent.avi")
        self.size = 160, 120

    def hide(self):
        pass

    def close(self):
        pass


class ReplayFolder(ReplayVideo):
    """replay of a folder."""

    def __init__(self, folder, monkeypatch):
        super().__init__(folder, monkeypatch)
        path = write_pictures(folder / "pictures", frames=20)
        self.config = ReplayConfig(backend="replay", path=path, paced=False, timeout_s=TIMEOUT_S)


LIVE = [Picamera, Stream, File]


@pytest.fixture(params=[*LIVE, ReplayVideo, ReplayFolder], ids=lambda rig: rig.__name__)
def rig(request, tmp_path, monkeypatch):
    rig = request.param(tmp_path, monkeypatch)
    yield rig
    rig.close()


@pytest.fixture(params=LIVE, ids=lambda rig: rig.__name__)
def live(request, tmp_path, monkeypatch):
    rig = request.param(tmp_path, monkeypatch)
    yield rig
    rig.close()


@pytest.fixture
def opened():
    sources = []

    def open_one(config):
        sources.append(open_source(config))
        return sources[-1]

    yield open_one
    for source in sources:
        source.close()


def read_for_ever(source):
    while True:
        source.read(TIMEOUT_S)


def test_frames_are_contiguous_rgb_of_the_right_size(rig, opened):
    frame = opened(rig.config).read(READ_S)
    width, height = rig.size
    assert frame.pixels.shape == (height, width, 3)
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags.c_contiguous
    assert shows_bars(frame.pixels)
    assert frame.camera == rig.config.name


def test_numbers_and_capture_times_rise_and_times_are_recent(rig, opened):
    source = opened(rig.config)
    frames = [source.read(READ_S) for _ in range(6)]
    now_ns = time.monotonic_ns()
    assert all(a.seq < b.seq for a, b in pairwise(frames))
    assert all(a.captured_ns < b.captured_ns for a, b in pairwise(frames))
    assert 0 <= now_ns - frames[-1].captured_ns < 1e9
    assert 0 <= frames[0].seq < 300


def test_a_frame_belongs_to_its_reader(rig, opened):
    source = opened(rig.config)
    first = source.read(READ_S)
    kept = first.pixels.copy()
    for _ in range(3):
        other = source.read(READ_S).pixels
        other[...] = 0
    assert np.array_equal(first.pixels, kept)


def test_closing_twice_is_harmless_and_a_closed_source_says_so(rig, opened):
    source = opened(rig.config)
    source.read(READ_S)
    source.close()
    source.close()
    with pytest.raises(CameraLost, match="closed"):
        source.read(TIMEOUT_S)


def test_what_is_not_there_is_a_clear_error_and_leaves_no_process(rig):
    rig.hide()
    with pytest.raises((CameraLost, InputError), match=r"cannot be opened|no camera found|no such file"):
        open_source(rig.missing)
    assert [pid for pid in children_of(os.getpid()) if not is_gone(pid)] == []


def test_an_unplugged_camera_is_lost_within_the_timeout_and_stays_lost(live, opened):
    source = opened(live.config)
    source.read(READ_S)
    live.unplug(source)
    start_s = time.monotonic()
    with pytest.raises(CameraLost, match=live.config.name):
        read_for_ever(source)
    assert time.monotonic() - start_s < TIMEOUT_S + SLACK_S
    with pytest.raises(CameraLost):
        source.read(TIMEOUT_S)


def test_a_lost_camera_works_again_after_opening_it_anew(live, opened):
    source = opened(live.config)
    source.read(READ_S)
    live.unplug(source)
    with pytest.raises(CameraLost):
        read_for_ever(source)
    source.close()
    live.replug()
    reopened_ns = time.monotonic_ns()
    frame = opened(live.config).read(READ_S)
    assert shows_bars(frame.pixels)
    assert frame.captured_ns > reopened_ns


def test_a_hung_camera_is_closed_within_seconds_and_its_process_is_gone(live, opened):
    source = opened(live.config)
    source.read(READ_S)
    live.hang(source)
    start_s = time.monotonic()
    source.close()
    assert time.monotonic() - start_s < 4
    assert is_gone(source.pid)
    assert source.pid not in children_of(os.getpid())
