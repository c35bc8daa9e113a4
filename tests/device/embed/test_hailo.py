"""The Hailo embedder on the double of HailoRT: faults while it runs, and recovery from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import structlog
from fake_hefs import hailo_thumbnail_model
from hailo_platform.world import HANG, World, fresh_world

from cardscanner.config import HailoConfig
from cardscanner.embed.hailo import open_hailo
from cardscanner.errors import EmbedderDead, EmbedderFailed, EmbedderTimeout

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


def crops(count: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def times(world: World, event: str) -> int:
    return world.events.count(event)


def test_a_job_that_hangs_is_a_timeout_and_configuring_again_brings_the_chip_back(world, embedder):
    before = embedder.embed(crops())
    world.events.clear()
    world.jobs.append(HANG)
    with pytest.raises(EmbedderTimeout, match=r"did not answer in time.*nothing is known about these crops"):
        embedder.embed(crops())
    assert world.events == ["configured model dropped", "configured"]
    assert np.array_equal(embedder.embed(crops()), before)


def test_a_failed_job_is_never_answered_with_a_vector(world, embedder):
    world.jobs.append(8)
    with pytest.raises(EmbedderFailed, match=r"status 8.*HAILO_INTERNAL_FAILURE"):
        embedder.embed(crops())
    assert np.isfinite(embedder.embed(crops())).all()


def test_a_job_that_ends_with_a_timeout_on_the_device_is_a_timeout(world, embedder):
    world.jobs.append(4)
    with pytest.raises(EmbedderTimeout):
        embedder.embed(crops())


def test_a_chip_that_does_not_get_ready_is_a_timeout(world, embedder):
    world.readiness.append(4)
    with pytest.raises(EmbedderTimeout):
        embedder.embed(crops())
    assert times(world, "configured") == 2


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (82, "queue"),
        (6, "hailort.log says why"),
        (61, "status 61"),
        (72, "status 72"),
        (63, "aborted"),
        (62, "lost"),
    ],
)
def test_a_refused_launch_is_a_failed_call_and_the_model_is_configured_again(world, embedder, status, words):
    world.launches.append(status)
    with pytest.raises(EmbedderFailed, match=words):
        embedder.embed(crops())
    assert times(world, "configured") == 2
    assert embedder.embed(crops()).shape == (1, 192)


def test_a_callback_that_never_comes_is_a_failed_call(world, embedder):
    world.forgotten_callbacks = 1
    with pytest.raises(EmbedderFailed, match="without calling back"):
        embedder.embed(crops())


@pytest.mark.parametrize("bad", [0, 1, 4, 6])
@pytest.mark.parametrize("status", [8, HANG])
def test_one_bad_crop_fails_its_batch_and_the_rest_in_flight_does_no_harm(world, embedder, bad, status):
    expected = embedder.embed(crops(7))
    world.jobs.extend([0] * bad + [status])
    with pytest.raises((EmbedderFailed, EmbedderTimeout)):
        embedder.embed(crops(7))
    assert np.array_equal(embedder.embed(crops(7)), expected)


def test_the_chip_is_opened_again_when_it_still_fails_after_configuring(world, embedder):
    world.jobs.extend([8, 8])
    with pytest.raises(EmbedderFailed):
        embedder.embed(crops())
    assert (times(world, "chip claimed"), times(world, "chip released")) == (2, 1)
    assert embedder.embed(crops()).shape == (1, 192)


@pytest.mark.parametrize("status", [8, 26, 62, 93])
def test_the_chip_is_opened_again_when_configuring_is_refused(world, embedder, status):
    world.jobs.append(8)
    world.configures.append(status)
    with pytest.raises(EmbedderFailed, match="status 8"):
        embedder.embed(crops())
    assert times(world, "chip claimed") == 2
    assert embedder.embed(crops()).shape == (1, 192)


def test_a_chip_that_vanished_makes_the_embedder_dead_for_good(world, embedder):
    world.jobs.append(87)
    world.configures.append(87)
    world.chips = {}
    with pytest.raises(EmbedderDead, match="opening the chip again did not help: no Hailo chip is found"):
        embedder.embed(crops())
    world.chips = {"0001:01:00.0": "HAILO8L"}
    with pytest.raises(EmbedderDead, match="no Hailo chip is found"):
        embedder.embed(crops())
    assert embedder.telemetry() == {}


@pytest.mark.parametrize("status", [36, 64, 74, 76, 8])
def test_a_chip_that_cannot_be_opened_again_makes_the_embedder_dead(world, embedder, status):
    world.jobs.append(HANG)
    world.configures.append(8)
    world.opens.append(status)
    with pytest.raises(EmbedderDead, match="is lost"):
        embedder.embed(crops())


def test_a_hef_that_vanished_makes_the_embedder_dead(world, tmp_path):
    embedder = open_hailo(config(hailo_thumbnail_model(tmp_path)))
    world.jobs.extend([8, 8])
    (tmp_path / "model.hef").unlink()
    with pytest.raises(EmbedderDead, match="status 13"):
        embedder.embed(crops())


def test_a_second_failure_in_a_row_opens_the_chip_again_at_once(world, embedder):
    world.jobs.extend([8, 0, 8])
    for _ in range(2):
        with pytest.raises(EmbedderFailed):
            embedder.embed(crops())
    assert (times(world, "configured"), times(world, "chip claimed")) == (3, 2)


def test_recoveries_that_never_last_end_in_a_dead_embedder(world, embedder):
    """The self-test passes each time, every real picture fails."""
    world.jobs.extend([8, 0] * 5 + [8])
    for _ in range(5):
        with pytest.raises(EmbedderFailed):
            embedder.embed(crops())
    with pytest.raises(EmbedderDead, match="6 calls in a row failed"):
        embedder.embed(crops())


def test_a_success_in_between_starts_the_count_again(world, embedder):
    for _ in range(8):
        world.jobs.append(8)
        with pytest.raises(EmbedderFailed):
            embedder.embed(crops())
        embedder.embed(crops())


def test_a_fault_is_logged_once_when_it_begins_and_once_when_it_is_over(world, embedder):
    world.jobs.extend([8, 0, 8, 0, 8])
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(EmbedderFailed):
                embedder.embed(crops())
        embedder.embed(crops())
        embedder.embed(crops())
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("error", "the Hailo chip failed"),
        ("info", "the Hailo chip works again"),
    ]
    assert lines[1]["failed_calls"] == 3


def test_a_mistake_of_the_caller_does_not_touch_the_chip(world, embedder):
    world.jobs.append(8)
    with pytest.raises(ValueError, match="uint8"):
        embedder.embed(crops()[:, 1:])
    assert list(world.jobs) == [8]
    world.jobs.clear()


@pytest.mark.parametrize("queue_size", [1, 2, 5])
def test_crops_are_pipelined_no_deeper_than_the_queue(world, folder, queue_size):
    """The double ends the model when its queue overflows, as the real one does."""
    world.queue_size = queue_size
    world.latency_s = 0.005
    embedder = open_hailo(config(folder, timeout_ms=5000))
    assert embedder.embed(crops(11)).shape == (11, 192)
    assert times(world, "configured") == 1
    embedder.close()


@pytest.mark.parametrize("changed", [{"bits": 16}, {"output_shape": (1, 1, 192), "output_order": "NHWC"}])
def test_finer_and_differently_shaped_outputs_give_the_same_vectors(world, embedder, tmp_path, changed):
    expected = embedder.embed(crops(3))
    embedder.close()
    other = open_hailo(config(hailo_thumbnail_model(tmp_path, size=SIZE, **changed)))
    assert (other.embed(crops(3)) * expected).sum(axis=1).min() > 0.999
    other.close()
