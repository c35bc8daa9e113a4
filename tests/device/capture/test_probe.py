"""What `cardscanner check` learns about the camera."""

from __future__ import annotations

import os

import pytest
from fake_cameras import children_of, write_pictures

from cardscanner.capture.probe import probe_camera
from cardscanner.config import ReplayConfig
from cardscanner.errors import CameraLost, InputError


def test_a_working_camera_gives_its_size_and_is_closed_again(steering, pi_config):
    finding = probe_camera(pi_config(width=640, height=480, name="left", timeout_s=5))
    assert (finding.camera, finding.backend, finding.width, finding.height) == ("left", "picamera2", 640, 480)
    assert finding.first_frame_ms > 0
    assert steering.calls()[-1] == ["close"]
    assert children_of(os.getpid()) == []


def test_a_recording_can_be_probed(tmp_path):
    path = write_pictures(tmp_path / "p", 2)
    finding = probe_camera(ReplayConfig(backend="replay", path=path))
    assert (finding.width, finding.height) == (160, 120)


def test_a_camera_that_opens_but_gives_nothing_is_found_out_and_closed(steering, pi_config):
    steering.set(stream="unplugged")
    with pytest.raises(CameraLost, match="no picture"):
        probe_camera(pi_config())
    assert children_of(os.getpid()) == []


def test_a_missing_recording_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        probe_camera(ReplayConfig(backend="replay", path=tmp_path / "absent"))
