"""The contract of every embedder, run over ONNX Runtime and over Hailo (on the double of HailoRT), in this
process and in one of its own."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from fake_chips import ChipSteering
from fake_hefs import hailo_thumbnail_model
from hailo_platform.world import fresh_world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardscanner.config import HailoConfig, OnnxConfig
from cardscanner.embed import load_embedder, start_embedder
from cardscanner.errors import ConfigError, EmbedderDead
from cardscanner.manifest import load_model_manifest
from cardscanner.ports import Embedder, LastingEmbedder

SIZE = 64
FILES = {"onnx": "model.onnx", "hailo": "model.hef", "hailo process": "model.hef"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return hailo_thumbnail_model(tmp_path_factory.mktemp("model"), size=SIZE)


def load(backend: str, folder: Path) -> Embedder:
    if backend == "onnx":
        return load_embedder(OnnxConfig(backend="onnx", model=folder, threads=1))
    config = HailoConfig(backend="hailo", model=folder, timeout_ms=5000)
    return load_embedder(config) if backend == "hailo" else start(config)


def start(config: HailoConfig) -> LastingEmbedder:
    """Start a process that meets the double; this one's own double stays as it is."""
    with pytest.MonkeyPatch.context() as patch:
        for key, value in ChipSteering(config.model.parent).environment.items():
            patch.setenv(key, value)
        return opened(start_embedder(config))


def opened(embedder: LastingEmbedder) -> LastingEmbedder:
    end_s = time.monotonic() + 30
    while (health := embedder.attend()).condition != "ok":
        assert time.monotonic() < end_s, health
        time.sleep(0.01)
    return embedder


@pytest.fixture(scope="module")
def processes():
    """Processes that were started, newest last: a test that leaves its one open leaves it to the next."""
    started: list[LastingEmbedder] = []
    yield started
    for each in started:
        each.close()


@pytest.fixture(params=FILES)
def backend(request) -> str:
    return request.param


@pytest.fixture
def embedder(request, backend: str, folder: Path):
    if backend == "hailo process":
        started = request.getfixturevalue("processes")
        if not started or started[-1].attend().condition != "ok":
            started.append(load(backend, folder))
        yield started[-1]
        return
    with fresh_world():
        found = load(backend, folder)
        yield found
        found.close()


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def test_info_is_what_the_manifest_says(embedder: Embedder, backend: str, folder: Path):
    manifest = load_model_manifest(folder)
    info = embedder.info
    assert (info.name, info.space) == (f"{manifest.name} {manifest.version}", manifest.space)
    assert info.sha256 == manifest.files[FILES[backend]].sha256
    assert (info.height, info.width, info.dim) == (SIZE, SIZE, manifest.dim)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 18])
def test_each_crop_gives_one_unit_vector(embedder: Embedder, count: int):
    vectors = embedder.embed(pictures(count))
    assert vectors.shape == (count, embedder.info.dim)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_no_crops_give_no_vectors(embedder: Embedder):
    vectors = embedder.embed(pictures(0))
    assert vectors.shape == (0, embedder.info.dim)
    assert vectors.dtype == np.float32


def test_rows_keep_the_order_of_the_crops(embedder: Embedder):
    crops = pictures(20)
    together = embedder.embed(crops)
    alone = np.concatenate([embedder.embed(crops[row : row + 1]) for row in range(20)])
    assert np.allclose(together, alone, atol=1e-5)
    assert (np.argmax(together @ alone.T, axis=1) == np.arange(20)).all()


def test_the_same_crops_give_the_same_vectors(embedder: Embedder):
    crops = pictures(4)
    assert np.array_equal(embedder.embed(crops), embedder.embed(crops))


def test_a_result_is_not_overwritten_by_the_next_call(embedder: Embedder):
    first = embedder.embed(pictures(3, seed=1))
    kept = first.copy()
    embedder.embed(pictures(3, seed=2))
    assert np.array_equal(first, kept)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((SIZE, SIZE, 3), np.uint8),
        np.zeros((1, SIZE, SIZE, 4), np.uint8),
        np.zeros((1, 3, SIZE, SIZE), np.uint8),
        np.zeros((1, SIZE - 1, SIZE, 3), np.uint8),
        np.zeros((0, SIZE, SIZE), np.uint8),
        np.zeros((1, SIZE, SIZE, 3), np.float32),
        np.zeros((1, SIZE, SIZE, 3), np.int8),
    ],
    ids=lambda wrong: f"{wrong.shape}-{wrong.dtype}",
)
def test_wrong_crops_are_the_callers_mistake_and_leave_the_backend_usable(
    embedder: Embedder, wrong: np.ndarray
):
    before = embedder.embed(pictures(1))
    with pytest.raises(ValueError, match="uint8"):
        embedder.embed(wrong)
    assert np.array_equal(embedder.embed(pictures(1)), before)


def test_the_callers_array_is_not_written_to(embedder: Embedder):
    crops = pictures(3)
    before = crops.copy()
    embedder.embed(crops)
    assert np.array_equal(crops, before)


def test_read_only_and_strided_crops_work(embedder: Embedder):
    crops = pictures(6)
    expected = embedder.embed(crops[::2])
    frozen = crops[::2].copy()
    frozen.flags.writeable = False
    mirrored_twice = crops[::2, ::-1, ::-1].copy()[:, ::-1, ::-1]
    wide = np.zeros((3, SIZE, 2 * SIZE, 3), np.uint8)
    wide[:, :, ::2] = crops[::2]
    for same in (frozen, mirrored_twice, wide[:, :, ::2], np.asfortranarray(frozen)):
        assert np.array_equal(embedder.embed(same), expected)


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_picture_gives_a_finite_unit_vector(embedder: Embedder, data: st.DataObject):
    count = data.draw(st.integers(1, 3))
    low = data.draw(st.integers(0, 255))
    high = data.draw(st.integers(low, 255))
    seed = data.draw(st.integers(0, 2**16))
    crops = np.random.default_rng(seed).integers(low, high + 1, (count, SIZE, SIZE, 3), dtype=np.uint8)
    vectors = embedder.embed(crops)
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_telemetry_names_its_backend_and_fits_into_json(embedder: Embedder, backend: str):
    readings = embedder.telemetry()
    assert readings["backend"] == backend.split(maxsplit=1)[0]
    assert all(isinstance(value, float | int | str | bool) for value in readings.values())


def test_closing_twice_is_safe_and_a_closed_embedder_says_so(embedder: Embedder):
    embedder.close()
    embedder.close()
    with pytest.raises(EmbedderDead, match="closed"):
        embedder.embed(pictures(1))


def test_another_one_can_be_opened_after_closing(embedder: Embedder, backend: str, folder: Path):
    before = embedder.embed(pictures(2))
    embedder.close()
    again = load(backend, folder)
    assert np.array_equal(again.embed(pictures(2)), before)
    again.close()


def test_both_backends_agree_on_the_same_network(folder: Path):
    smooth = np.kron(pictures(8)[:, ::8, ::8], np.ones((1, 8, 8, 1), np.uint8)).astype(np.uint8)
    crops = np.concatenate([pictures(8), np.maximum(pictures(8, seed=3) // 4, smooth // 5)])
    with fresh_world():
        onnx, hailo = load("onnx", folder), load("hailo", folder)
        cosines = (onnx.embed(crops) * hailo.embed(crops)).sum(axis=1)
        hailo.close()
    assert cosines.min() > 0.99


def test_an_unknown_backend_is_refused_with_the_names_that_exist(folder: Path):
    config = OnnxConfig(backend="onnx", model=folder).model_copy(update={"backend": "tpu"})
    with pytest.raises(ConfigError, match="'tpu' is unknown; allowed: onnx, hailo"):
        load_embedder(config)
    with pytest.raises(ConfigError, match="'tpu' is unknown; allowed: onnx, hailo"):
        start_embedder(config)
