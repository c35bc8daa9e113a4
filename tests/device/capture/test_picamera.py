"""The picamera2 backend on its double."""

from __future__ import annotations

import os

import numpy as np
import pytest

from cardscanner.capture import open_source
from cardscanner.errors import CameraLost, ConfigError


def test_a_known_coloured_picture_arrives_in_its_own_colours(steering, opened, pi_config, tmp_path):
    scene = np.zeros((2, 4, 3), np.uint8)
    scene[0] = [(200, 30, 40), (10, 180, 60), (20, 50, 210), (240, 200, 0)]
    scene[1] = [(0, 0, 0), (250, 250, 250), (128, 64, 32), (32, 64, 128)]
    np.save(tmp_path / "scene.npy", scene)
    steering.set(scene=str(tmp_path / "scene.npy"))
    pixels = opened(pi_config()).read(5).pixels
    seen = pixels[[60, 180]][:, [40, 120, 200, 280]].astype(int)
    assert np.abs(seen - scene).max() <= 2


def test_size_format_speed_and_controls_reach_the_camera(steering, opened, pi_config):
    controls = {"AfMode": "Manual", "LensPosition": 8.5, "ExposureTime": 8000, "AeEnable": False}
    opened(pi_config(width=640, height=480, fps=25, controls=controls | {"ColourGains": (1.5, 2.0)}))
    _, size, pixel_format, given = next(call for call in steering.calls() if call[0] == "configure")
    assert (size, pixel_format) == ([640, 480], "BGR888")
    assert given["FrameDurationLimits"] == [40000, 40000]
    assert given["AfMode"] == 0
    assert given["LensPosition"] == 8.5
    assert given["ExposureTime"] == 8000
    assert given["AeEnable"] is False
    assert given["ColourGains"] == [1.5, 2.0]


def test_enumerations_of_the_draft_controls_have_names_too(steering, opened, pi_config):
    opened(pi_config(controls={"NoiseReductionMode": "HighQuality"}))
    _, _, _, given = next(call for call in steering.calls() if call[0] == "configure")
    assert given["NoiseReductionMode"] == 2


def test_a_control_that_the_sensor_lacks_is_a_configuration_error_that_names_it(steering, pi_config):
    steering.set(focus="fixed")
    with pytest.raises(ConfigError, match=r"camera\.controls\.LensPosition.*it has AeEnable"):
        open_source(pi_config(controls={"LensPosition": 8.5}))


def test_a_word_that_an_enumeration_lacks_is_refused_with_the_allowed_ones(steering, pi_config):
    with pytest.raises(ConfigError, match=r"camera\.controls\.AfMode: 'manual'.*Auto, Continuous, Manual"):
        open_source(pi_config(controls={"AfMode": "manual"}))


def test_a_word_for_a_control_that_takes_numbers_is_refused(steering, pi_config):
    with pytest.raises(ConfigError, match=r"camera\.controls\.ExposureTime: takes a number, not 'long'"):
        open_source(pi_config(controls={"ExposureTime": "long"}))


def test_no_camera_says_what_to_check(steering, pi_config):
    steering.set(camera="absent")
    with pytest.raises(CameraLost, match=r"no camera found.*ribbon cable"):
        open_source(pi_config())


def test_a_camera_in_use_says_so(steering, pi_config):
    steering.set(camera="busy")
    with pytest.raises(CameraLost, match="Device or resource busy; another program"):
        open_source(pi_config())


def test_a_size_that_the_camera_rounds_is_refused_with_the_size_it_gives(steering, pi_config):
    with pytest.raises(CameraLost, match=r"camera\.width: 641 was asked for, but the camera gives 640 x 480"):
        open_source(pi_config(width=641, height=480))


def test_without_picamera2_the_error_says_what_to_install(steering, pi_config, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}")
    (tmp_path / "picamera2.py").write_text("raise ImportError('No module named libcamera')")
    with pytest.raises(ConfigError, match="apt install python3-picamera2"):
        open_source(pi_config())
