"""Does scanning notice that the broker is away? Latency of a frame, with a broker and without.

    python -m cardscanner_tools.bench_broker_away [--blocks 12] [--frames 60] [--json]

Frames of 1280 x 720 go from frame to committed event in one thread while the real publisher works in another,
as in the daemon; the embedder is simulated (20 ms of sleep), so the rest weighs more than on a real box. In
every other block a real Mosquitto is gone. Blocks take turns and order, so that a machine's moods hit both
alike; a block begins when the publisher has noticed and, with a broker, has delivered what waited. Bar: the
99th percentile without a broker is at most 5 % above that with one. The CPU time of the scan thread is shown
beside the wall time, because on a machine with other work only that one is steady.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from cardscanner.config import DecideConfig, FinderConfig, IndexConfig, MqttConfig, OutboxConfig
from cardscanner.decide import Decider
from cardscanner.detect import open_finder
from cardscanner.match import Database, load_index, open_database
from cardscanner.pipeline import Eye, Stopwatch, scan_frame
from cardscanner.publish import Outbox, ReportingPublisher, open_publisher
from cardscanner.publish.payload import ArtifactRef, DatabaseRef
from cardscanner.publish.payload_info import DatabaseInfoPayload, InfoPayload, ModelInfoPayload
from cardscanner.publish.payload_state import (
    CameraState,
    ClockState,
    DiskState,
    NpuState,
    OutboxState,
    StatePayload,
)
from cardscanner.publish.scan import ScanFacts, store_scan
from cardscanner.records import Frame, Picture
from cardscanner_tools.bench import DIM, SimulatedEmbedder, one_card_frames
from cardscanner_tools.synthetic_database import synthetic_database

_LIE = 20
_SETTLE_S = 30.0


@dataclass
class Times:
    """Milliseconds of each frame."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


class BenchFacts:
    """A healthy daemon's answers."""

    def info(self) -> InfoPayload:
        """Say what the device is."""
        return InfoPayload(
            device="bench",
            game="bench",
            serial=None,
            hw="bench",
            os="bench",
            python="3",
            daemon="0",
            model=ModelInfoPayload(name="m", version="1", sha256="0" * 64),
            db=DatabaseInfoPayload(name="d", version="1", sha256="0" * 64, cards=1),
            cameras=("bench",),
            topics={},
        )

    def state(self) -> StatePayload:
        """Say how the device is."""
        return StatePayload(
            ts=datetime.now(UTC),
            lifecycle="ready",
            scanning=True,
            camera=CameraState(state="ok", fps=15),
            npu=NpuState(state="absent"),
            outbox=OutboxState(depth=0),
            disk=DiskState(free_bytes=10**9),
            clock=ClockState(synced=True),
            uptime_s=1.0,
        )


class Scanning:
    """Sends frames down the road and keeps the times."""

    def __init__(self, database: Database, folder: Path, outbox: Outbox, frames: list[Picture]) -> None:
        index = load_index(IndexConfig(database=folder / "db"), database)
        vectors = np.asarray(database.vectors[:: len(database.vectors) // 100], np.float32)
        self._embedder = SimulatedEmbedder(vectors)
        self._eye = Eye(open_finder(FinderConfig()), FinderConfig(), self._embedder, index, database.depth)
        self._decider = Decider(
            DecideConfig(), database.manifest.accept, database.card_of, self._eye.search, "bench"
        )
        self._facts = ScanFacts(
            "bench", "bench", ArtifactRef(name="m", sha256="0"), DatabaseRef(version="1", sha256="0")
        )
        self._outbox = outbox
        self._frames = frames
        self._number = 0

    def block(self, count: int, times: Times) -> None:
        """Scan ``count`` frames."""
        for _ in range(count):
            place = self._number % len(self._frames)
            self._embedder.card = (self._number // _LIE) % 100
            frame = Frame(self._frames[place], self._number, self._number * 10**8, "bench")
            self._number += 1
            wall_s, cpu_s = time.perf_counter(), time.thread_time()
            for event in scan_frame(frame, self._eye, self._decider, Stopwatch()):
                store_scan(self._outbox, event, self._facts)
            times.wall.append((time.perf_counter() - wall_s) * 1000)
            times.cpu.append((time.thread_time() - cpu_s) * 1000)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench_broker_away", description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures = measure(Path(scratch), options.blocks, options.frames)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<28} {value:10.3f}")


def measure(folder: Path, blocks: int, frames: int) -> dict[str, float]:
    """Return the percentiles of both conditions and their ratios."""
    synthetic_database(folder / "db", 5_000, DIM)
    cv2.setNumThreads(1)
    times = {"there": Times(), "away": Times()}
    config = MqttConfig(backend="mqtt", port=_free_port())
    with (
        closing(open_database(folder / "db")) as database,
        closing(Outbox.open(OutboxConfig(path=folder / "outbox.db"))) as outbox,
    ):
        publisher = open_publisher(config, "bench", outbox, BenchFacts())
        scanning = Scanning(database, folder, outbox, one_card_frames(200))
        with _publishing(publisher):
            scanning.block(frames, Times())  # warm
            for number in range(blocks):
                for condition in ("there", "away") if number % 2 else ("away", "there"):
                    with _broker(config.port, there=condition == "there"):
                        _await(publisher, outbox, there=condition == "there")
                        scanning.block(frames, times[condition])
    return _figures(times)


def _figures(times: dict[str, Times]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for clock in ("wall", "cpu"):
        for share in (50, 99):
            for condition, found in times.items():
                name = f"{clock}.{condition}.p{share}_ms"
                figures[name] = float(np.percentile(getattr(found, clock), share))
            away, there = figures[f"{clock}.away.p{share}_ms"], figures[f"{clock}.there.p{share}_ms"]
            figures[f"ratio.{clock}.p{share}"] = away / there
    return figures


@contextmanager
def _publishing(publisher: ReportingPublisher) -> Iterator[None]:
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            publisher.step(0.2)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        publisher.close(0.0)


@contextmanager
def _broker(port: int, *, there: bool) -> Iterator[None]:
    if not there:
        yield
        return
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with subprocess.Popen([program, "-p", str(port)], stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _await(publisher: ReportingPublisher, outbox: Outbox, *, there: bool) -> None:
    end_s = time.monotonic() + _SETTLE_S
    while publisher.status().connected != there or (there and outbox.depth):
        if time.monotonic() > end_s:
            raise TimeoutError(f"the publisher has not noticed: {publisher.status()}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
