"""The accelerator process: whatever happens to it, there is a clear fault in time, and a fresh process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from fake_cameras import children_of, is_gone
from fake_chips import ABSENT, MISMATCH, ChipSteering
from fake_hefs import hailo_thumbnail_model
from hailo_platform.world import HANG
from structlog.testing import capture_logs

from cardscanner.config import HailoConfig
from cardscanner.embed.hailo_process import HailoProcess, Patience, start_hailo
from cardscanner.errors import ArtifactError, EmbedderAway, EmbedderDead, EmbedderFailed, EmbedderTimeout

SIZE = 64
TIMEOUT_MS = 300
FAILED = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return hailo_thumbnail_model(tmp_path_factory.mktemp("model"), size=SIZE)


@pytest.fixture
def chip(tmp_path, monkeypatch) -> ChipSteering:
    steering = ChipSteering(tmp_path)
    for key, value in steering.environment.items():
        monkeypatch.setenv(key, value)
    return steering


@pytest.fixture
def start(chip, folder):
    started: list[HailoProcess] = []

    def start_one(model: Path = folder, **patience) -> HailoProcess:
        config = HailoConfig(backend="hailo", model=model, timeout_ms=TIMEOUT_MS)
        started.append(start_hailo(config, Patience(**patience)))
        return started[-1]

    yield start_one
    for each in started:
        each.close()
    assert children_of(os.getpid()) == []


def crops(count: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def await_condition(embedder: HailoProcess, condition: str, within_s: float = 10.0) -> float:
    start_s = time.monotonic()
    while (health := embedder.attend()).condition != condition:
        assert time.monotonic() - start_s < within_s, health
        time.sleep(0.01)
    return time.monotonic() - start_s


def test_starting_and_attending_never_wait(start):
    begun_s = time.monotonic()
    embedder = start()
    for _ in range(5):
        assert embedder.attend().condition == "starting"
    assert time.monotonic() - begun_s < 0.5
    with pytest.raises(EmbedderAway, match="being opened"):
        embedder.embed(crops())


def test_a_job_that_never_completes_costs_the_process_its_life_and_a_fresh_one_comes(start, chip):
    embedder = start()
    await_condition(embedder, "ok")
    before, pid = embedder.embed(crops()), embedder.pid
    chip.set(every_job=HANG, drop_hangs=True)
    begun_s = time.monotonic()
    with pytest.raises(EmbedderTimeout, match="nothing is known about these crops"):
        embedder.embed(crops())
    assert time.monotonic() - begun_s < 2
    assert is_gone(pid)
    chip.set()
    with pytest.raises(EmbedderAway, match="tried again in the background"):
        embedder.embed(crops())
    await_condition(embedder, "ok")
    assert embedder.attend().restarts == 1
    assert np.array_equal(embedder.embed(crops()), before)


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_stands_still_is_the_same_as_a_hang(start, fault):
    embedder = start()
    await_condition(embedder, "ok")
    embedder.embed(crops())
    pid = embedder.pid
    os.kill(pid, fault)
    begun_s = time.monotonic()
    with pytest.raises((EmbedderTimeout, EmbedderAway)):
        embedder.embed(crops())
    assert time.monotonic() - begun_s < 2
    assert embedder.attend().condition == "hung"
    await_condition(embedder, "ok")
    assert embedder.embed(crops()).shape == (1, embedder.info.dim)
    assert is_gone(pid)


def test_a_process_that_dies_while_nobody_asks_is_noticed_all_the_same(start):
    embedder = start()
    await_condition(embedder, "ok")
    os.kill(embedder.pid, signal.SIGKILL)
    await_condition(embedder, "hung", within_s=2)
    assert "was killed" in embedder.attend().words


def test_a_chip_that_does_not_say_how_it_is_is_given_up(start, chip):
    embedder = start(telemetry_within_s=0.2)
    await_condition(embedder, "ok")
    chip.set(controls_hang=True)
    begun_s = time.monotonic()
    assert embedder.telemetry()["backend"] == "hailo"
    assert time.monotonic() - begun_s < 0.1
    await_condition(embedder, "hung")
    assert "did not say how it is" in embedder.attend().words


def test_a_failed_job_that_the_process_can_cure_itself_costs_no_process(start, chip):
    embedder = start()
    await_condition(embedder, "ok")
    chip.set(once=FAILED)
    pid = embedder.pid
    with pytest.raises(EmbedderFailed, match=r"status 8.*nothing is known"):
        embedder.embed(crops())
    assert embedder.embed(crops()).shape == (1, embedder.info.dim)
    assert (embedder.pid, embedder.attend().restarts) == (pid, 0)


def test_a_process_that_does_not_get_the_chip_open_is_given_up(start, chip):
    chip.set(every_job=HANG, drop_hangs=True)
    embedder = start(open_within_s=2.0)
    await_condition(embedder, "hung")
    assert "not open within 2 s" in embedder.attend().words


@pytest.mark.parametrize(
    ("fault", "condition", "words"),
    [
        (ABSENT, "absent", "no Hailo chip is found: check the ribbon cable"),
        (MISMATCH, "mismatch", "sudo apt install --reinstall hailo-all"),
        ({"held_by_another_process": True}, "absent", "sudo fuser -v /dev/hailo0"),
    ],
    ids=["absent", "mismatch", "busy"],
)
def test_a_chip_that_cannot_be_used_is_a_state_with_the_fix(start, chip, fault, condition, words):
    chip.set(**fault)
    embedder = start()
    await_condition(embedder, condition)
    health = embedder.attend()
    assert words in health.words
    assert "scanning goes on by itself" in health.words
    assert embedder.telemetry() == {}
    with pytest.raises(EmbedderAway, match=r".*"):
        embedder.embed(crops())


def test_a_chip_that_comes_later_is_opened_by_itself_and_not_by_trying_all_the_time(start, chip):
    chip.set(**ABSENT)
    embedder = start(pauses_s=(0.0, 0.1, 0.5, 1.0))
    await_condition(embedder, "absent")
    calm_s = time.monotonic()
    while time.monotonic() - calm_s < 0.4:
        assert embedder.attend().restarts == 0
        time.sleep(0.01)
    chip.set()
    await_condition(embedder, "ok")
    assert embedder.embed(crops()).shape == (1, embedder.info.dim)


def test_a_network_for_another_chip_is_no_state_but_an_error(start, chip, tmp_path):
    model = hailo_thumbnail_model(tmp_path / "hailo8", size=SIZE, hailo_arch="hailo8")
    embedder = start(model)
    with pytest.raises(ArtifactError, match="was compiled for hailo8, but the chip here is a hailo8l"):
        await_condition(embedder, "ok")


def test_a_damaged_model_is_refused_at_once(start, tmp_path):
    model = hailo_thumbnail_model(tmp_path / "damaged", size=SIZE)
    (model / "model.hef").write_bytes(b"no HEF")
    with pytest.raises(ArtifactError, match=r"model\.hef"):
        start(model)


def test_crops_beyond_the_shared_memory_go_one_batch_after_the_other(start):
    embedder = start()
    await_condition(embedder, "ok")
    many = crops(19)
    assert np.array_equal(
        embedder.embed(many), np.concatenate([embedder.embed(many[i : i + 1]) for i in range(19)])
    )


def test_what_the_process_logs_is_in_the_daemons_log(start, chip):
    chip.set(firmware_version="4.19.0")
    embedder = start()
    with capture_logs() as lines:
        await_condition(embedder, "ok")
    (line,) = [each for each in lines if each["event"] == "firmware and HailoRT differ"]
    assert (line["log_level"], line["firmware"]) == ("warning", "4.19.0")


def test_closing_leaves_neither_process_nor_files_and_a_closed_embedder_says_so(start):
    files = len(list(Path("/proc/self/fd").iterdir()))
    embedder = start()
    await_condition(embedder, "ok")
    pid = embedder.pid
    embedder.close()
    embedder.close()
    assert is_gone(pid)
    assert len(list(Path("/proc/self/fd").iterdir())) == files
    with pytest.raises(EmbedderDead, match="closed"):
        embedder.embed(crops())
    assert embedder.attend().condition == "absent"
