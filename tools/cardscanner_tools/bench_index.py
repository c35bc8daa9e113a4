"""Index bench: recall, speed, memory and opening time of Annoy against exact search, in one run.

    python -m cardscanner_tools.bench_index [--rows 17592] [--dim 768] [--folder DIR]

The vectors are synthetic but not easy: 1,000 cluster centres in a 128-d subspace, isotropic noise, 3 % near
duplicates. Easy queries have a cosine of 0.85 to 0.95 to their card, hard ones 0.55 to 0.75, half of the way
toward another card. Queries are drawn afresh, not those that chose the search effort. Times are of one
thread, one query at a time, and as ratios to a plain float32 product with BLAS in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardscanner.config import IndexConfig
from cardscanner.files import write_json
from cardscanner.manifest import AcceptRule, DatabaseManifest, describe_file, sealed_document
from cardscanner.match import Database, load_index, open_database
from cardscanner.match.annoy_index import INDEX_FILE
from cardscanner.match.assemble import write_index
from cardscanner.match.card_store import CARDS_FILE, StoredCard, write_cards
from cardscanner.match.database import VECTORS_FILE
from cardscanner.match.exact import exact_index
from cardscanner.match.selftest import EASY, HARD, displaced, recall_of
from cardscanner.records import Card, Vectors

_TOP = 11
_QUERIES = 1000
_TIMED = 300
_SEED = 5


def main() -> None:
    """Build a database of synthetic vectors, then measure it in fresh processes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=17_592)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--folder", type=Path, help="keep the database here (must not exist yet)")
    parser.add_argument("--step", choices=list(_STEPS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(_STEPS[arguments.step](arguments.folder)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch) / "db"
        _show(synthetic_database(folder, arguments.rows, arguments.dim))
        for step in _STEPS:
            _show(_in_fresh_process(step, folder))


def clustered_vectors(rows: int, dim: int, seed: int) -> Vectors:
    """Return unit vectors that crowd around 1,000 centres, 3 % of them near copies of others."""
    rng = np.random.default_rng(seed)
    signal = min(128, dim)
    centres = (
        _unit(rng.standard_normal((1000, signal))) @ np.linalg.qr(rng.standard_normal((dim, signal)))[0].T
    )
    vectors = _unit(
        centres[rng.integers(0, 1000, rows)] + rng.standard_normal((rows, dim)) * 0.9 / np.sqrt(dim)
    )
    copies = rng.choice(rows, rows * 3 // 100, replace=False)
    noise = rng.standard_normal((len(copies), dim)) * 0.25 / np.sqrt(dim)
    vectors[copies] = vectors[rng.integers(0, rows, len(copies))] + noise
    return np.asarray(_unit(vectors), dtype=np.float32)


def synthetic_database(folder: Path, rows: int, dim: int, space: str = "synthetic") -> dict[str, object]:
    """Write a finished database of synthetic vectors; return what building it gave."""
    folder.mkdir(parents=True)
    np.save(folder / VECTORS_FILE, clustered_vectors(rows, dim, _SEED).astype(np.float16))
    stored = np.load(folder / VECTORS_FILE, mmap_mode="r")
    start = time.perf_counter()
    index = write_index(folder / INDEX_FILE, stored, exact_index(stored))
    built_s = time.perf_counter() - start
    write_cards(folder / CARDS_FILE, (_card(row) for row in range(rows)))
    manifest = DatabaseManifest(
        name="bench",
        version="1",
        space=space,
        model="none",
        model_sha256="0" * 64,
        dim=dim,
        rows=rows,
        cards=rows,
        artworks=rows,
        dtype="float16",
        index=index,
        accept=AcceptRule(threshold=0.2, print_gap=0.02),
        files={name: describe_file(folder / name) for name in (VECTORS_FILE, INDEX_FILE, CARDS_FILE)},
        created="2026-01-01T00:00:00Z",
    )
    write_json(folder / "manifest.json", sealed_document(manifest))
    megabytes = {name: round(entry.size / 1e6, 1) for name, entry in manifest.files.items()}
    measured = {f"build {key}": value for key, value in index.measured.items()}
    return {"rows": rows, "dim": dim, "search_k": index.search_k, "build_s": built_s, **measured, **megabytes}


def _card(row: int) -> StoredCard:
    metadata = {"set": f"set{row // 180}", "number": str(row % 180), "rarity": "Rare Holo", "lang": "en"}
    card = Card(f"set{row // 180}-{row % 180}", f"Some creature {row % 900}", row, metadata)
    return StoredCard(row, card, f"references/{card.card_id}.jpg")


def _measure_opening(folder: Path) -> dict[str, object]:
    """Peak memory of a process that opens the database with Annoy and answers 1,000 queries."""
    before = _peak_mb()
    start = time.perf_counter()
    database = open_database(folder)
    opened = time.perf_counter()
    index = load_index(IndexConfig(backend="annoy", database=folder), database)
    loaded = time.perf_counter()
    queries = _queries(database, HARD)
    for query in queries:
        rows, _ = index.nearest(query[None], database.depth)
        for row in rows[0]:
            database.card_of(int(row))
    return {
        "open_database_s": opened - start,
        "load_index_s (hash, map, self-test)": loaded - opened,
        "rss_before_mb": before,
        "rss_peak_mb": _peak_mb(),
    }


def _measure_recall(folder: Path) -> dict[str, object]:
    database = open_database(folder)
    index = load_index(IndexConfig(backend="annoy", database=folder), database)
    exact = exact_index(database.vectors)
    found: dict[str, object] = {}
    for name, span in (("easy", EASY), ("hard", HARD)):
        queries = _queries(database, span)
        _, truth = exact.nearest(queries, _TOP)
        found[f"annoy {name} recall@1"], found[f"annoy {name} recall@{_TOP}"] = recall_of(
            index, database.vectors, queries, truth
        )
    return found


def _measure_speed(folder: Path) -> dict[str, object]:
    database = open_database(folder)
    queries = _queries(database, HARD)[:_TIMED]
    plain = np.asarray(database.vectors, dtype=np.float32)
    times = {"BLAS float32": _times_ms(lambda query: plain @ query[0], queries)}
    for backend in ("annoy", "exact"):
        index = load_index(IndexConfig.model_validate({"backend": backend, "database": folder}), database)
        times[backend] = _times_ms(partial(index.nearest, k=_TOP), queries)
    floor = float(np.median(times["BLAS float32"]))
    return {
        f"{name} ms p50 / p99 / ratio": " / ".join(
            f"{value:.2f}" for value in (*np.quantile(each, [0.5, 0.99]), np.median(each) / floor)
        )
        for name, each in times.items()
    }


_STEPS: dict[str, Callable[[Path], dict[str, object]]] = {
    "opening": _measure_opening,
    "recall": _measure_recall,
    "speed": _measure_speed,
}


def _in_fresh_process(step: str, folder: Path) -> dict[str, object]:
    command = [sys.executable, "-m", "cardscanner_tools.bench_index", "--step", step, "--folder", str(folder)]
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env={**os.environ, **one_thread}, stdout=subprocess.PIPE, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def _queries(database: Database, span: tuple[float, float]) -> Vectors:
    rng = np.random.default_rng(_SEED + 1)
    return displaced(database.vectors, rng.integers(0, len(database.vectors), _QUERIES), span, rng)


def _times_ms(ask: Callable[[Vectors], object], queries: Vectors) -> NDArray[np.float64]:
    for query in queries[:20]:
        ask(query[None])
    times = []
    for query in queries:
        start = time.perf_counter()
        ask(query[None])
        times.append((time.perf_counter() - start) * 1000)
    return np.array(times)


def _peak_mb() -> float:
    """Peak RSS of this program; ``ru_maxrss`` would include that of the process that started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _show(found: dict[str, object]) -> None:
    for name, value in found.items():
        print(f"{name:42s} {value:.4g}" if isinstance(value, float) else f"{name:42s} {value}", flush=True)


if __name__ == "__main__":
    main()
