"""What changes cost a database of 17,592 cards: search, change and merge, against a base without changes.

    python -m cardscanner_tools.bench_change [--rows 17592] [--dim 768] [--share 0.05]

Ratios compare with the unchanged base in the same run; milliseconds are this machine's.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardscanner.config import IndexConfig
from cardscanner.match import load_index, open_database
from cardscanner.match.card_rows import Reference
from cardscanner.match.change import remove_cards
from cardscanner.match.delta import NewCards, write_change
from cardscanner.match.merge import merge_database
from cardscanner.match.progress import Progress
from cardscanner.match.selftest import EASY, displaced
from cardscanner_tools.synthetic_database import synthetic_database

_QUERIES = 200
_DEPTH = 16


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=17_592)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--share", type=float, default=0.05, help="of the rows: added, and as many removed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        synthetic_database(Path(folder) / "db", arguments.rows, arguments.dim)
        _bench(Path(folder) / "db", arguments)


def _bench(folder: Path, arguments: argparse.Namespace) -> None:
    count = round(arguments.rows * arguments.share)
    rng = np.random.default_rng(1)
    with closing(open_database(folder)) as database:
        queries = displaced(database.vectors, rng.integers(0, arguments.rows, _QUERIES), EASY, rng)
        some = range(0, arguments.rows, arguments.rows // count)[:count]
        gone = [database.card_of(row).card_id for row in some]
    before = _search_ms(folder, queries)
    print(f"search, unchanged base: p50 {before:.3f} ms")
    print(f"open: {_timed_s(lambda: _open(folder)):.2f} s")
    print(f"add {count} cards (without embedding them): {_timed_s(lambda: _add(folder, count, rng)):.2f} s")
    after = _search_ms(folder, queries)
    print(f"search, {count} added: p50 {after:.3f} ms, {after / before:.2f} x")
    print(f"remove {count} cards: {_timed_s(lambda: remove_cards(folder, gone)):.2f} s")
    after = _search_ms(folder, queries)
    print(f"search, {count} added and {count} removed: p50 {after:.3f} ms, {after / before:.2f} x")
    print(f"open: {_timed_s(lambda: _open(folder)):.2f} s")
    print(f"merge: {_timed_s(lambda: merge_database(folder, Progress(io.StringIO()))):.1f} s")
    after = _search_ms(folder, queries)
    print(f"search, merged: p50 {after:.3f} ms, {after / before:.2f} x")


def _add(folder: Path, count: int, rng: np.random.Generator) -> None:
    with closing(open_database(folder)) as database:
        fresh = rng.standard_normal((count, database.manifest.dim)).astype(np.float32)
        fresh /= np.linalg.norm(fresh, axis=1, keepdims=True)
        names = [Reference(f"new-{row}", f"New {row}", Path(), f"new-{row}.png") for row in range(count)]
        write_change(database, NewCards(names, fresh.astype(np.float16)), ())


def _open(folder: Path) -> None:
    with closing(open_database(folder)) as database:
        load_index(IndexConfig(backend="annoy", database=folder), database).close()


def _search_ms(folder: Path, queries: NDArray[np.float32]) -> float:
    with (
        closing(open_database(folder)) as database,
        closing(load_index(IndexConfig(backend="annoy", database=folder), database)) as index,
    ):
        times = [_timed_s(partial(index.nearest, query[None], _DEPTH)) for query in queries]
    return float(np.median(times)) * 1000


def _timed_s(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
