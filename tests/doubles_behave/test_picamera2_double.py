"""The double itself behaves as facts about picamera2 say (raspberrypi/picamera2 v0.3.36)."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from fake_cameras import PicameraSteering
from picamera2 import Picamera2


@pytest.fixture
def steering(tmp_path, monkeypatch):
    steering = PicameraSteering(tmp_path)
    monkeypatch.setenv("PICAMERA2_DOUBLE", str(steering.path))
    return steering


@pytest.fixture
def camera(steering):
    return Picamera2()


def started(camera, pixel_format="BGR888", **controls):
    main = {"size": (320, 240), "format": pixel_format}
    limits = {"FrameDurationLimits": (10_000, 10_000)}
    camera.configure(camera.create_video_configuration(main=main, controls=limits | controls))
    camera.start()
    return camera


@pytest.mark.parametrize(
    ("pixel_format", "red_bar"),
    [
        ("BGR888", [220, 20, 20]),
        ("RGB888", [20, 20, 220]),
        ("XBGR8888", [220, 20, 20, 255]),
        ("XRGB8888", [20, 20, 220, 255]),
    ],
)
def test_format_names_are_little_endian_words(camera, pixel_format, red_bar):
    pixels = started(camera, pixel_format).capture_array("main", wait=1)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert np.abs(pixels[120, 50].astype(int) - red_bar).max() <= 2


def test_no_camera_is_an_index_error(steering):
    steering.set(camera="absent")
    with pytest.raises(IndexError):
        Picamera2()


def test_a_busy_camera_is_a_runtime_error_with_its_cause(steering):
    steering.set(camera="busy")
    with pytest.raises(RuntimeError, match="__init__ sequence did not complete") as caught:
        Picamera2()
    assert "Device or resource busy" in str(caught.value.__cause__)


def test_an_unknown_control_is_refused_at_configure_with_libcameras_words(camera):
    with pytest.raises(RuntimeError, match="Control Sharpnes is not advertised by libcamera"):
        started(camera, Sharpnes=1)


def test_a_fixed_focus_sensor_advertises_no_autofocus(camera, steering):
    steering.set(focus="fixed")
    assert "AfMode" not in camera.camera_controls
    with pytest.raises(RuntimeError, match="AfMode"):
        started(camera, AfMode=0)


@pytest.mark.parametrize("wait", [0.05, 1.0])
def test_a_wait_that_runs_out_is_a_timeout_error(camera, steering, wait):
    started(camera)
    steering.set(stream="unplugged")
    start_s = time.monotonic()
    with pytest.raises(TimeoutError):
        camera.capture_array("main", wait=wait)
    assert time.monotonic() - start_s >= wait * 0.9


def test_a_camera_that_was_unplugged_stays_lost_and_its_stop_never_returns(camera, steering):
    started(camera)
    steering.set(stream="unplugged")
    with pytest.raises(TimeoutError):
        camera.capture_array("main", wait=0.05)
    steering.set()
    with pytest.raises(TimeoutError):
        camera.capture_array("main", wait=0.05)
    stopping = threading.Thread(target=camera.stop, daemon=True)
    stopping.start()
    stopping.join(0.2)
    assert stopping.is_alive()


def test_live_frames_differ_by_noise_and_frozen_ones_do_not(camera, steering):
    started(camera)
    live = [camera.capture_array(wait=1) for _ in range(2)]
    steering.set(stream="frozen")
    frozen = [camera.capture_array(wait=1) for _ in range(2)]
    assert not np.array_equal(*live)
    assert np.array_equal(*frozen)


def test_order_of_calls_is_enforced(camera):
    with pytest.raises(RuntimeError, match="has not been configured"):
        camera.start()
    started(camera)
    with pytest.raises(RuntimeError, match="must be stopped"):
        camera.configure(camera.create_video_configuration())
    camera.stop()
    camera.close()
    with pytest.raises(RuntimeError, match="not opened"):
        camera.create_video_configuration()
