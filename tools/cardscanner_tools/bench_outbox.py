"""What a committed scan costs: milliseconds, and bytes written to the disk.

    python -m cardscanner_tools.bench_outbox [--rows 1000] [--folder FOLDER] [--json]

Times depend on the disk; the ratios to the baselines of the same run much less. Baselines: a payload
appended to a file and fsynced (the least that any durable store can do), and an insertion into SQLite with
``synchronous = OFF`` (what durability costs). Bytes are those of ``/proc/self/io``: what the kernel was made
to write, in its pages of 4 KiB; ``one_by_one`` deletes each delivered row by itself, as scans do that are
more than a second apart, the others in batches.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cardscanner.config import OutboxConfig
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.payload import ArtifactRef, DatabaseRef
from cardscanner.publish.scan import ScanFacts, store_scan
from cardscanner.records import Candidate, Card, ScanEvent, Verdict

Figures = dict[str, float]
Way = Callable[[int], float]
"""Stores one scan and returns the seconds until it was stored."""
_PAYLOAD_BYTES = 1000
FACTS = ScanFacts(
    "bench", "pokemon", ArtifactRef(name="bench", sha256="0" * 64), DatabaseRef(version="1", sha256="0" * 64)
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench_outbox", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument(
        "--folder", type=Path, help="on the disk to be measured; default: the temporary folder"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        figures = measure(Path(folder), options.rows)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<44} {value:10.3f}")


def measure(folder: Path, rows: int) -> Figures:
    """Return the figures of all ways of storing ``rows`` scans, in turn, and their ratios."""
    with ExitStack() as open_files:
        ways: dict[str, Way] = {
            "fsync": open_files.enter_context(_append_and_fsync(folder / "fsync")),
            "off": open_files.enter_context(_sqlite_without_fsync(folder / "off")),
            "outbox": open_files.enter_context(_outbox(folder / "outbox", delete_each=False)),
            "outbox_one_by_one": open_files.enter_context(_outbox(folder / "one", delete_each=True)),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        written = dict.fromkeys(ways, 0)
        for number in tqdm(range(rows), leave=False):
            for name, store in ways.items():
                before = bytes_written()
                seconds[name].append(store(number))
                written[name] += bytes_written() - before
    figures: Figures = {}
    for name in ways:
        figures[f"{name}.p50_ms"] = float(np.percentile(seconds[name], 50)) * 1e3
        figures[f"{name}.p99_ms"] = float(np.percentile(seconds[name], 99)) * 1e3
        figures[f"{name}.commits_per_s"] = rows / sum(seconds[name])
        figures[f"{name}.written_kib_per_scan"] = written[name] / rows / 1024
    figures["ratio.outbox_p50_to_fsync"] = figures["outbox.p50_ms"] / figures["fsync.p50_ms"]
    figures["ratio.outbox_p50_to_off"] = figures["outbox.p50_ms"] / figures["off.p50_ms"]
    figures["mb_per_day_at_10000_scans"] = (
        figures["outbox_one_by_one.written_kib_per_scan"] * 1024 * 1e4 / 1e6
    )
    return figures


@contextmanager
def _outbox(path: Path, *, delete_each: bool) -> Iterator[Way]:
    """Store, deliver and forget; ``delete_each`` is the worst case: scans more than a second apart."""
    outbox = Outbox.open(OutboxConfig(path=path))

    def store(number: int) -> float:
        event = synthetic_event(number)
        start_s = time.perf_counter()
        stamp = store_scan(outbox, event, FACTS)
        took_s = time.perf_counter() - start_s
        outbox.delivered(*outbox.pending(stamp.seq - 1, 1))
        outbox.forget_delivered(now=delete_each)
        return took_s

    yield store
    outbox.close()


@contextmanager
def _append_and_fsync(path: Path) -> Iterator[Way]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def store(_number: int) -> float:
        start_s = time.perf_counter()
        os.write(handle, bytes(_PAYLOAD_BYTES))
        os.fsync(handle)
        return time.perf_counter() - start_s

    yield store
    os.close(handle)


@contextmanager
def _sqlite_without_fsync(path: Path) -> Iterator[Way]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(
        "PRAGMA page_size = 512; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
        "PRAGMA synchronous = OFF;"
        "CREATE TABLE rows (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, payload BLOB)"
    )

    def store(number: int) -> float:
        row = (f"{number:026}", bytes(_PAYLOAD_BYTES))
        start_s = time.perf_counter()
        connection.execute("INSERT INTO rows (id, payload) VALUES (?, ?)", row)
        return time.perf_counter() - start_s

    yield store
    connection.close()


def synthetic_event(number: int) -> ScanEvent:
    """Return a match with the usual number of candidates."""
    cards = [
        Card(
            f"base1-{number + step}",
            f"Professor's Research {number + step}",
            step,
            {"set": "base1", "number": f"{number}/165", "lang": "en", "finish": "holo"},
        )
        for step in range(5)
    ]
    candidates = tuple(Candidate(card, 0.94 - 0.03 * step) for step, card in enumerate(cards))
    now_ns = time.monotonic_ns()
    return ScanEvent(
        verdict=Verdict("match", 0.94, 0.08, candidates),
        camera="top",
        first_ns=now_ns,
        decided_ns=now_ns,
        frames=4,
        corners=np.zeros((4, 2), np.float32),
        upside_down=False,
        latency_ms={"find": 5.5, "embed": 20.25, "search": 1.1, "total": 38.9},
    )


def bytes_written() -> int:
    """Return what this process has made the kernel write to disks."""
    for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise OSError("/proc/self/io has no write_bytes")


if __name__ == "__main__":
    main()
