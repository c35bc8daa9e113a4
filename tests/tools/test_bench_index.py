"""The index bench runs and tells what it promises."""

import subprocess
import sys

import numpy as np

from cardscanner_tools.bench_index import clustered_vectors


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
        timeout=100,
        check=True,
    )
    found = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines() if "/" not in line)
    assert float(found["annoy hard recall@1"]) > 0.98
    assert float(found["rss_peak_mb"]) > float(found["rss_before_mb"]) > 10
    assert "open_database_s" in found
    assert "BLAS float32 ms p50 / p99 / ratio" in done.stdout


def test_synthetic_vectors_crowd_and_are_of_unit_length():
    vectors = clustered_vectors(3000, 64, seed=1)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    cosines = vectors[:500] @ vectors.T
    nearest = np.sort(cosines, axis=1)[:, -2]
    assert np.median(nearest) > 0.4
