"""Looking at the chip without claiming it: what `cardscanner check` reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from hailo_platform import VDevice
from hailo_platform.pyhailort._pyhailort import HailoRTStatusException
from hailo_platform.world import World, fresh_world

from cardscanner.embed.hailo_chip import HailoProbe, probe_hailo
from cardscanner.errors import EmbedderDead


@pytest.fixture(autouse=True)
def world():
    with fresh_world() as machine:
        yield machine


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    path = tmp_path / "version"
    path.write_text("4.23.0\n")
    return path


def test_a_probe_names_versions_chip_and_address(driver: Path):
    probe = probe_hailo(driver)
    assert probe == HailoProbe(
        binding_version="4.23.0",
        driver_version="4.23.0",
        firmware_version="4.23.0",
        device_id="0001:01:00.0",
        architecture="hailo8l",
    )
    assert probe.firmware_agrees


def test_a_probe_works_beside_a_running_scanner(world: World, driver: Path):
    with VDevice():
        assert probe_hailo(driver).architecture == "hailo8l"
    assert world.events.count("control channel released") == 1


def test_firmware_agrees_up_to_the_last_number(world: World, driver: Path):
    world.firmware_version = "4.23.1"
    assert probe_hailo(driver).firmware_agrees
    world.firmware_version = "4.20.0"
    assert not probe_hailo(driver).firmware_agrees


def test_a_driver_that_is_not_loaded_is_named(tmp_path: Path):
    with pytest.raises(EmbedderDead, match=r"driver is not loaded.*modprobe hailo_pci"):
        probe_hailo(tmp_path / "none")


def test_both_versions_are_named_when_driver_and_library_differ(driver: Path):
    driver.write_text("4.20.0\n")
    with pytest.raises(EmbedderDead, match=r"driver is 4\.20\.0, HailoRT is 4\.23\.0.*--reinstall"):
        probe_hailo(driver)


def test_no_chip_is_told_apart_from_no_permission(world: World, driver: Path):
    world.permitted = False
    with pytest.raises(EmbedderDead, match="ls -l /dev/hailo0"):
        probe_hailo(driver)
    world.chips = {}
    with pytest.raises(EmbedderDead, match="no Hailo chip is found"):
        probe_hailo(driver)


def test_a_chip_that_does_not_answer_is_reported(world: World, driver: Path):
    world.readings["identify"] = HailoRTStatusException("18")
    with pytest.raises(EmbedderDead, match=r"talking to the Hailo chip 0001:01:00\.0: the firmware refused"):
        probe_hailo(driver)


def test_a_scan_that_fails_is_reported(world: World, driver: Path):
    world.scans.append(36)
    with pytest.raises(EmbedderDead, match=r"looking for a Hailo chip: .*status 36"):
        probe_hailo(driver)
