"""Opening the Hailo embedder: every way in which chip, driver, software or HEF can refuse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from fake_hefs import hailo_thumbnail_model, relist
from hailo_platform import VDevice
from hailo_platform.pyhailort._pyhailort import HailoRTStatusException
from hailo_platform.world import HANG, World, fresh_world

from cardscanner.config import HailoConfig
from cardscanner.embed.hailo import open_hailo
from cardscanner.errors import ArtifactError, EmbedderDead

TESTS = Path(__file__).parents[2]


@pytest.fixture
def world():
    with fresh_world() as machine:
        yield machine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return hailo_thumbnail_model(tmp_path / "model")


def load(folder: Path, timeout_ms: int = 700) -> None:
    open_hailo(HailoConfig(backend="hailo", model=folder, timeout_ms=timeout_ms)).close()


def test_a_machine_without_a_chip_is_told_to_look_at_its_cable(world: World, folder: Path):
    world.chips = {}
    with pytest.raises(EmbedderDead, match=r"no Hailo chip is found.*lspci -d 1e60:"):
        load(folder)


def test_a_chip_that_another_process_holds_is_not_called_missing(world: World, folder: Path):
    world.held_by_another_process = True
    with pytest.raises(EmbedderDead, match=r"another process holds the Hailo chip 0001:01:00\.0.*fuser"):
        load(folder)


def test_a_chip_that_another_process_really_holds_is_not_called_missing(world: World, folder: Path, tmp_path):
    world.lock_file = tmp_path / "chip"
    code = f"""
import sys; sys.path[:0] = [{str(TESTS / "doubles")!r}]
from pathlib import Path
from hailo_platform import VDevice
from hailo_platform.world import world
world.lock_file = Path({str(world.lock_file)!r})
held = VDevice()
print("holding", flush=True)
sys.stdin.read()
held.release()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "holding\n"
        with pytest.raises(EmbedderDead, match="another process holds"):
            load(folder)
        holder.stdin.close()
        holder.wait(30)
    load(folder)


def test_other_code_of_this_process_may_share_the_chip(world: World, folder: Path):
    params = VDevice.create_params()
    params.group_id = "SHARED"
    with VDevice(params):
        load(folder)


def test_a_scan_that_fails_while_the_chip_is_busy_is_reported_too(world: World, folder: Path):
    world.held_by_another_process = True
    world.scans.append(64)
    with pytest.raises(EmbedderDead, match="driver is not loaded"):
        load(folder)


def test_missing_permission_is_told_apart_from_a_missing_chip(world: World, folder: Path):
    world.permitted = False
    with pytest.raises(EmbedderDead, match=r"ls -l /dev/hailo0.*status 36"):
        load(folder)


def test_a_driver_of_another_version_is_answered_with_the_command_that_repairs_it(world: World, folder: Path):
    world.driver_version = "4.20.0"
    with pytest.raises(EmbedderDead, match=r"apt install --reinstall.*apt-mark hold.*status 76"):
        load(folder)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (2, "scan"),
        (3, "memory"),
        (4, "did not answer in time"),
        (6, "refused the call"),
        (8, "dmesg"),
        (16, "firmware"),
        (36, "/dev/hailo0"),
        (62, "cable"),
        (64, "modprobe hailo_pci"),
        (73, "another process"),
        (76, "--reinstall"),
        (81, "cma="),
        (85, "--reinstall"),
        (86, "--reinstall"),
        (87, "cable"),
    ],
)
def test_any_other_refusal_of_the_chip_says_what_to_do(world: World, folder: Path, status: int, words: str):
    world.opens.append(status)
    with pytest.raises(EmbedderDead, match=rf"opening the Hailo chip: .*{words}.*status {status}:"):
        load(folder)


def test_a_chip_that_vanishes_while_it_is_opened_is_reported(world: World, folder: Path):
    world.readings["identify"] = HailoRTStatusException("62")
    with pytest.raises(EmbedderDead, match=r"asking the Hailo chip what it is: .*cable"):
        load(folder)


@pytest.mark.parametrize(("version", "status"), [("4.23.0", 93), ("4.21.0", 93), ("4.20.1", 26)])
def test_a_hef_for_another_chip_is_an_artifact_error_even_if_the_manifest_lies(
    world: World, tmp_path: Path, version: str, status: int
):
    world.version = version
    hailo_thumbnail_model(tmp_path, architecture="HAILO8")
    with pytest.raises(ArtifactError, match=rf"another chip: compile it with hw_arch.*status {status}"):
        load(tmp_path)


def test_a_manifest_for_another_chip_is_noticed_before_the_hef_is_put_on_the_chip(
    world: World, tmp_path: Path
):
    hailo_thumbnail_model(tmp_path, hailo_arch="hailo8")
    with pytest.raises(ArtifactError, match="compiled for hailo8, but the chip here is a hailo8l"):
        load(tmp_path)
    assert "configured" not in world.events


def test_a_hef_for_the_smaller_chip_runs_on_the_larger_one_with_a_warning(world: World, folder: Path):
    world.chips = {"0001:01:00.0": "HAILO8"}
    with structlog.testing.capture_logs() as lines:
        load(folder)
    assert [line["event"] for line in lines] == [
        "the network was compiled for a smaller chip and runs slower"
    ]


def test_firmware_of_another_version_is_only_a_warning(world: World, folder: Path):
    world.firmware_version = "4.20.0"
    with structlog.testing.capture_logs() as lines:
        load(folder)
    assert lines == [
        {
            "event": "firmware and HailoRT differ",
            "firmware": "4.20.0",
            "hailort": "4.23.0",
            "log_level": "warning",
        }
    ]


def test_a_network_that_does_not_fit_on_the_chip_is_worth_a_warning(world: World, tmp_path: Path):
    hailo_thumbnail_model(tmp_path, multi_context=True)
    with structlog.testing.capture_logs() as lines:
        load(tmp_path)
    assert ["does not fit on the chip" in line["event"] for line in lines] == [True]


def test_a_binding_that_cannot_see_our_buffers_is_found_out_at_the_start(world: World, folder: Path):
    world.numpy2 = True
    with pytest.raises(EmbedderDead, match=r"first inference failed.*hailort\.log"):
        load(folder)


@pytest.mark.parametrize("status", [8, HANG])
def test_a_chip_that_opens_but_does_not_answer_is_found_out_at_the_start(
    world: World, folder: Path, status: int
):
    world.jobs.append(status)
    with pytest.raises(EmbedderDead, match="first inference failed"):
        load(folder)


@pytest.mark.parametrize("broken", ["opens", "configures", "launches", "readiness", "jobs"])
def test_a_start_that_fails_leaves_nothing_claimed(world: World, folder: Path, broken: str):
    getattr(world, broken).append(8)
    with pytest.raises(EmbedderDead):
        load(folder)
    load(folder)


def test_a_damaged_hef_is_refused_by_its_hash_before_hailort_sees_it(world: World, folder: Path):
    path = folder / "model.hef"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match="SHA-256"):
        load(folder)


@pytest.mark.parametrize(
    ("version", "damage", "status", "words"),
    [
        ("4.23.0", lambda data: b"XXXX" + data[4:], 92, "no HEF"),
        ("4.23.0", lambda data: data[:-9], 91, "truncated"),
        ("4.23.0", lambda data: data[:99] + b"?" + data[100:], 91, "damaged"),
        ("4.20.0", lambda data: b"XXXX" + data[4:], 26, "no HEF"),
        ("4.20.0", lambda data: data[:-9], 26, "damaged"),
    ],
)
def test_a_hef_that_the_manifest_wrongly_vouches_for_is_an_artifact_error(
    world: World, folder: Path, version, damage, status, words
):
    world.version = version
    path = folder / "model.hef"
    path.write_bytes(damage(path.read_bytes()))
    relist(folder)
    with pytest.raises(ArtifactError, match=rf"reading .*model\.hef: .*{words}.*status {status}"):
        load(folder)
    assert world.events == []


def test_a_hef_from_a_newer_compiler_names_the_compiler_that_fits(world: World, tmp_path: Path):
    world.version = "4.21.0"
    hailo_thumbnail_model(tmp_path, needs="4.23.0")
    with pytest.raises(ArtifactError, match=r"4\.21: 3\.31.*status 92"):
        load(tmp_path)


@pytest.mark.parametrize("version", ["4.20.0", "4.20.1", "4.21.0", "4.22.0", "4.23.0"])
def test_every_version_that_we_support_works(world: World, folder: Path, version: str):
    world.version = version
    load(folder)
