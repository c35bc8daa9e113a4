"""The Hailo embedder on the double of HailoRT: what it tells about its chip, and how it gives it back."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog
from fake_hefs import hailo_thumbnail_model
from hailo_platform.pyhailort import _pyhailort, pyhailort
from hailo_platform.pyhailort.control import healthy
from hailo_platform.world import World, fresh_world

from cardscanner.config import HailoConfig
from cardscanner.embed.hailo import HailoEmbedder, open_hailo

SIZE = 64


@pytest.fixture
def world():
    with fresh_world() as machine:
        yield machine


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return hailo_thumbnail_model(tmp_path_factory.mktemp("model"), size=SIZE)


@pytest.fixture
def embedder(world: World, folder: Path):
    opened = open_hailo(config(folder))
    yield opened
    opened.close()


def config(folder: Path, **changed) -> HailoConfig:
    return HailoConfig(**{"backend": "hailo", "model": folder, "timeout_ms": 700} | changed)


def times(world: World, event: str) -> int:
    return world.events.count(event)


def test_everything_is_given_back_in_the_order_that_hailort_needs(world, embedder):
    world.events.clear()
    embedder.close()
    assert world.events == [
        "configured model dropped",
        "model dropped",
        "control channel released",
        "chip released",
    ]


def test_a_chip_that_will_not_be_released_is_worth_a_line_and_no_error(world, embedder):
    world.releases.append(8)
    with structlog.testing.capture_logs() as lines:
        embedder.close()
    assert [(line["log_level"], line["what"], line["error"]) for line in lines] == [
        ("warning", "the chip", "8")
    ]


def test_telemetry_tells_versions_temperatures_throttling_clock_and_power(embedder: HailoEmbedder):
    assert embedder.telemetry() == {
        "backend": "hailo",
        "hailort": "4.23.0",
        "firmware": "4.23.0",
        "architecture": "hailo8l",
        "device_id": "0001:01:00.0",
        "temp_c": 53.5,
        "ts0_c": 52.25,
        "ts1_c": 53.5,
        "throttled_by_heat": False,
        "throttled_by_current": False,
        "temperature_zone": "green",
        "clock_mhz": 400.0,
        "power_w": 1.75,
    }


@pytest.mark.parametrize(
    "refusal",
    [_pyhailort.HailoRTStatusException("18"), pyhailort.HailoRTFirmwareControlFailedException("no")],
    ids=["raw", "wrapped"],
)
@pytest.mark.parametrize(
    ("call", "lost"),
    [
        ("get_chip_temperature", {"temp_c", "ts0_c", "ts1_c"}),
        ("_get_health_information", {"throttled_by_heat", "throttled_by_current", "temperature_zone"}),
        ("get_extended_device_information", {"clock_mhz", "power_w"}),
        ("power_measurement", {"power_w"}),
    ],
)
def test_a_reading_that_is_refused_is_left_out_and_the_others_stay(world, embedder, refusal, call, lost):
    everything = set(embedder.telemetry())
    world.readings[call] = refusal
    assert everything - set(embedder.telemetry()) == lost


def test_a_hot_chip_is_told_from_one_that_only_may_throttle(world, embedder):
    world.readings["_get_health_information"] = healthy(
        current_temperature_zone=1, current_temperature_throttling_level=0, current_overcurrent_zone=1
    )
    readings = embedder.telemetry()
    assert (readings["throttled_by_heat"], readings["throttled_by_current"]) == (True, True)
    assert readings["temperature_zone"] == "orange"


def test_power_is_not_asked_for_where_there_is_no_sensor(world, embedder):
    world.current_monitoring = False
    assert "power_w" not in embedder.telemetry()
    assert times(world, "power measured") == 0


def test_health_is_not_asked_for_when_the_configuration_says_so(world, folder):
    embedder = open_hailo(config(folder, telemetry=False))
    assert set(embedder.telemetry()) == {"backend", "hailort", "firmware", "architecture", "device_id"}
    embedder.close()
