"""Index bench: recall, speed, memory, size and building time of every index, in one run.

    python -m cardscanner_tools.bench_index [--rows 17592] [--dim 768] [--shape clustered|spread]
                                            [--backends annoy,int8,ivf,exact] [--folder DIR]

Easy queries have a cosine of 0.85 to 0.95 to their card, hard ones 0.55 to 0.75, half of the way toward
another card. They are drawn afresh, not those that chose the search effort. Times are of one thread, one
query at a time; `cpu` leaves out what other programs took. The floor is how long it takes to read as many
bytes as the vectors have in int8, measured in the same run. RSS is of a process that opened the database,
passed the self-test and answered all queries; what numpy alone takes is in the third line.
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
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cardscanner.config import IndexConfig, QdrantConfig
from cardscanner.manifest import IndexSpec, ListsSpec, SearchSpec
from cardscanner.match import Database, load_index, open_database
from cardscanner.match.annoy_index import INDEX_FILE
from cardscanner.match.exact import exact_index
from cardscanner.match.index_choice import MOST_FOR_ANNOY, Built, Wanted
from cardscanner.match.progress import Progress
from cardscanner.match.selftest import EASY, HARD, displaced, recall_of
from cardscanner.match.unit_vectors import let_go
from cardscanner.ports import Index
from cardscanner.records import Vectors
from cardscanner_tools.synthetic_database import SEED, build_one, seal, write_contents

_TOP = 11
_QUERIES = 1000
_QUERIES_OF_MANY = 300
"""Of more than 300,000 rows the truth takes minutes to find."""

_TIMED = 300
_QDRANT = "qdrant"
_SPANS = {"easy": EASY, "hard": HARD}
_FILES = {"annoy": INDEX_FILE, "ivf": "index.ivf", "qdrant": f"{_QDRANT}/**/*.sqlite"}
_MOST_FOR_FLOAT = 300_000
"""Beyond this, float32 vectors take more than a gigabyte."""

Row = dict[str, float | str]


def main() -> None:
    """Build every index over the same vectors, then ask each of them in a process of its own."""
    arguments = _arguments()
    if arguments.step:
        _STEPS[arguments.step](arguments.folder, arguments.backends)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch) / "db"
        names = arguments.backends.split(",") if arguments.backends else _usual(arguments.rows)
        _run(folder, names, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=17_592)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--shape", choices=["clustered", "spread"], default="clustered")
    parser.add_argument(
        "--backends", help="default: all that this many rows allow; qdrant (embedded) only by name"
    )
    parser.add_argument("--folder", type=Path, help="keep the database here (must not exist yet)")
    parser.add_argument("--step", choices=list(_STEPS), help=argparse.SUPPRESS)
    return parser.parse_args()


def _usual(rows: int) -> list[str]:
    limits = {"annoy": 2 * MOST_FOR_ANNOY, "exact": _MOST_FOR_FLOAT}
    return [name for name in ("annoy", "int8", "ivf", "exact") if rows <= limits.get(name, rows)]


def _run(folder: Path, names: list[str], arguments: argparse.Namespace) -> None:
    print(f"{arguments.rows} x {arguments.dim}, {arguments.shape}", flush=True)
    write_contents(folder, arguments.shape, arguments.rows, arguments.dim)
    own = [name for name in names if name not in ("exact", "qdrant")] or ["int8"]
    builds = {name: _in_fresh_process("build", folder, name) for name in own}
    manifest = seal(folder, [_built(each) for each in builds.values()])
    if "qdrant" in names:
        builds["qdrant"] = _in_fresh_process("push", folder)
    floor = _in_fresh_process("floor", folder)
    _in_fresh_process("truth", folder)
    print(f"floor: int8 vectors read once in {floor['ms']:.2f} ms, {floor['gb_s']:.1f} GB/s")
    print(f"RSS with numpy and nothing else: {floor['rss_mb']:.0f} MB", flush=True)
    for name in names:
        build = builds.get(name, {"build_s": 0.0, "peak_mb": 0.0})
        size = sum(each.stat().st_size for each in folder.glob(_FILES.get(name, "none"))) / 1e6
        row = {
            "backend": name,
            "build s": build["build_s"],
            "build peak MB": build["peak_mb"],
            "file MB": size,
        }
        found = _in_fresh_process("ask", folder, name)
        _show({**row, **found, "x floor": found["p50 cpu ms"] / floor["ms"]}, header=name == names[0])
    print(f"chosen by measuring: {manifest.search.backend} {json.dumps(manifest.search.measured)}")
    for name, spec in (("annoy", manifest.index), ("ivf", manifest.lists)):
        if spec is not None:
            print(f"{name}: {spec.model_dump_json(exclude={'measured'})}")


def _build(folder: Path, name: str) -> None:
    start = time.perf_counter()
    built = build_one(folder, cast("Wanted", name))
    seconds = time.perf_counter() - start
    specs = {"search": built.search, "annoy": built.annoy, "lists": built.lists}
    dumped = {key: spec.model_dump(mode="json") for key, spec in specs.items() if spec}
    print(json.dumps({"build_s": seconds, "peak_mb": _memory_mb("VmHWM"), "files": built.files, **dumped}))


def _push(folder: Path, _: str) -> None:
    from cardscanner.match.push import push_database

    start = time.perf_counter()
    push_database(folder, QdrantConfig(folder=folder / _QDRANT), Progress(sys.stderr))
    print(json.dumps({"build_s": time.perf_counter() - start, "peak_mb": _memory_mb("VmHWM")}))


def _built(found: dict[str, Any]) -> Built:
    return Built(
        SearchSpec.model_validate(found["search"]),
        IndexSpec.model_validate(found["annoy"]) if "annoy" in found else None,
        ListsSpec.model_validate(found["lists"]) if "lists" in found else None,
        tuple(found["files"]),
    )


def _find_truth(folder: Path, _: str) -> None:
    """Keep the exact cosines for each kind of query: finding them takes longest, and all need the same."""
    database = open_database(folder)
    exact = exact_index(database.vectors)
    for kind in _SPANS:
        np.save(folder / f"truth-{kind}.npy", exact.nearest(_queries(database, kind), _TOP)[1])
    print("{}")


def _measure_floor(folder: Path, _: str) -> None:
    rss = _memory_mb("VmRSS")
    memory = np.ones(open_database(folder).vectors.size // 4, dtype=np.float32)
    times = _times_ms(lambda _: np.dot(memory, memory), memory[:30])
    fastest = float(np.min(times))
    print(json.dumps({"ms": fastest, "gb_s": memory.nbytes / fastest / 1e6, "rss_mb": rss}))


def _ask(folder: Path, backend: str) -> None:
    start = time.perf_counter()
    database = open_database(folder)
    place = {"qdrant": {"folder": folder / _QDRANT}} if backend == "qdrant" else {}
    config = IndexConfig.model_validate({"backend": backend, "database": folder, **place})
    index = load_index(config, database)
    found: Row = {"open s": time.perf_counter() - start, "peak MB": _memory_mb("VmHWM")}
    for kind in _SPANS:
        found.update(_recall(index, database, kind, np.load(folder / f"truth-{kind}.npy")))
    queries = _queries(database, "hard")
    # What was read to judge the answers is no memory of the index.
    let_go(database.vectors)
    for query in queries[:_TIMED]:
        database.card_of(int(index.nearest(query[None], database.depth)[0][0, 0]))
    found["RSS MB"] = _memory_mb("VmRSS")
    for clock, name in ((time.perf_counter, "ms"), (time.thread_time, "cpu ms")):
        times = _times_ms(lambda query: index.nearest(query[None], _TOP), queries[:_TIMED], clock)
        found[f"p50 {name}"], found[f"p99 {name}"] = (float(each) for each in np.quantile(times, [0.5, 0.99]))
    print(json.dumps(found))


def _recall(index: Index, database: Database, kind: str, truth: NDArray[np.float32]) -> Row:
    queries = _queries(database, kind)
    recalls = {k: recall_of(index, database.vectors, queries, truth[:, :k]) for k in (5, 10)}
    return {
        f"{kind} r@1": recalls[10][0],
        f"{kind} r@5": recalls[5][1],
        f"{kind} r@10": recalls[10][1],
    }


_STEPS: dict[str, Callable[[Path, str], None]] = {
    "build": _build,
    "push": _push,
    "truth": _find_truth,
    "floor": _measure_floor,
    "ask": _ask,
}


def _in_fresh_process(step: str, folder: Path, name: str = "") -> dict[str, Any]:
    command = [sys.executable, "-m", "cardscanner_tools.bench_index", "--step", step]
    command += ["--folder", str(folder), "--backends", name]
    one_thread = {} if step in ("build", "truth") else {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env={**os.environ, **one_thread}, stdout=subprocess.PIPE, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def _queries(database: Database, kind: str) -> Vectors:
    rng = np.random.default_rng(SEED + 1)
    many = len(database.vectors) > _MOST_FOR_FLOAT
    rows = rng.integers(0, len(database.vectors), _QUERIES_OF_MANY if many else _QUERIES)
    return displaced(database.vectors, rows, _SPANS[kind], rng)


def _times_ms(
    ask: Callable[[Vectors], object], queries: Vectors, clock: Callable[[], float] = time.perf_counter
) -> NDArray[np.float64]:
    for query in queries[:20]:
        ask(query)
    times = []
    for query in queries:
        start = clock()
        ask(query)
        times.append((clock() - start) * 1000)
    return np.array(times)


def _memory_mb(field: str) -> float:
    """Memory of this program; ``ru_maxrss`` would include that of the process that started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def _show(row: Row, *, header: bool) -> None:
    if header:
        print("  ".join(f"{name:>13s}" for name in row))
    print(
        "  ".join(
            f"{value:13.4g}" if isinstance(value, float) else f"{value:>13s}" for value in row.values()
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
