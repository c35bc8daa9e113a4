"""Cameras behind doubles for the tests of this room."""

from __future__ import annotations

import pytest
from fake_cameras import PicameraSteering

from cardscanner.capture import open_source
from cardscanner.config import PicameraConfig


@pytest.fixture
def steering(tmp_path, monkeypatch):
    """Make ``picamera2`` in camera processes the double, and give its steering file."""
    steering = PicameraSteering(tmp_path)
    for key, value in steering.environment.items():
        monkeypatch.setenv(key, value)
    return steering


@pytest.fixture
def opened():
    """Open sources that are closed at the end of the test."""
    sources = []

    def open_one(config):
        sources.append(open_source(config))
        return sources[-1]

    yield open_one
    for source in sources:
        source.close()


@pytest.fixture
def pi_config():
    """Give a small, fast picamera2 configuration."""

    def make(**keys):
        settings = {"width": 320, "height": 240, "fps": 30, "timeout_s": 0.6} | keys
        return PicameraConfig(backend="picamera2", **settings)

    return make
