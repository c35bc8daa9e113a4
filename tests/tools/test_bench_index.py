"""The index bench runs and tells what it promises."""

import re
import subprocess
import sys

import numpy as np
import pytest

from cardscanner_tools.index_vectors import clustered_vectors, pieces, write_vectors


@pytest.mark.timeout(300)
def test_a_small_run_tells_recall_speed_memory_and_opening_time(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "cardscanner_tools.bench_index",
            "--rows",
            "1200",
            "--dim",
            "48",
            "--folder",
            str(tmp_path / "db"),
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    lines = done.stdout.splitlines()
    names = re.split(r"\s{2,}", lines[3].strip())
    rows = {line.split()[0]: dict(zip(names, line.split(), strict=True)) for line in lines[4:8]}
    assert [*rows] == ["annoy", "int8", "ivf", "exact"]
    for row in rows.values():
        assert float(row["hard r@1"]) > 0.98
        assert float(row["easy r@10"]) > 0.97
        assert float(row["RSS MB"]) > 10
        assert float(row["p99 ms"]) >= float(row["p50 ms"]) > 0
    assert "read once in" in lines[1]
    assert lines[8].startswith("chosen by measuring: annoy")


def test_synthetic_vectors_crowd_and_are_of_unit_length():
    vectors = clustered_vectors(3000, 64, seed=1)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    cosines = vectors[:500] @ vectors.T
    nearest = np.sort(cosines, axis=1)[:, -2]
    assert np.median(nearest) > 0.4


@pytest.mark.parametrize("shape", ["clustered", "spread"])
def test_vectors_made_piece_by_piece_are_of_unit_length_and_the_same_each_time(tmp_path, shape):
    write_vectors(tmp_path / "vectors.npy", shape, 30_000, 16, seed=3)
    written = np.load(tmp_path / "vectors.npy")
    assert (written.shape, written.dtype) == ((30_000, 16), np.float16)
    np.testing.assert_allclose(np.linalg.norm(written.astype(np.float32), axis=1), 1.0, atol=1e-3)
    assert (written == np.concatenate([*pieces(shape, 30_000, 16, seed=3)]).astype(np.float16)).all()


def test_a_spread_cloud_has_the_cosines_of_the_networks_vectors():
    vectors = np.concatenate([*pieces("spread", 2000, 768, seed=1)])
    cosines = (vectors @ vectors.T)[np.triu_indices(2000, 1)]
    assert 0.10 < cosines.mean() < 0.19
    assert 0.09 < cosines.std() < 0.14
