"""The road's cost, stage by stage, and the daemon's memory.

    python -m cardscanner_tools.bench [--frames 120] [--rows 17592] [--only road|memory]

Road: 1280 x 720 frames with one card, each card lying there for twenty of them, go from frame to committed
event. The embedder is simulated (it sleeps 20 ms and answers with noisy vectors of a card), so what is
measured is everything else. CPU time is of the whole process; the ratio is to shrinking the same frame to a
quarter and finding its Canny edges once, in the same run.

Memory: the real daemon with the shipped model and a database of 17,592 x 768 vectors plays frames; its peak
resident memory is read from the kernel. Machines are noisy: quote ratios and the peak, not milliseconds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import yaml

from cardscanner.config import DecideConfig, FinderConfig, IndexConfig, OutboxConfig
from cardscanner.decide import Decider
from cardscanner.detect import open_finder
from cardscanner.manifest import load_model_manifest
from cardscanner.match import Database, load_index, open_database
from cardscanner.pipeline import Eye, Stopwatch, scan_frame
from cardscanner.ports import ModelInfo
from cardscanner.publish import Outbox
from cardscanner.publish.payload import ArtifactRef, DatabaseRef
from cardscanner.publish.scan import ScanFacts, store_scan
from cardscanner.records import Batch, Frame, Picture, Vectors
from cardscanner.shipped import shipped_model
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.scene import effects
from cardscanner_tools.scene.stage import Pose, card_thing, lay
from cardscanner_tools.scene.surfaces import SURFACES
from cardscanner_tools.synthetic_database import synthetic_database

LATENCY_S = 0.020
DIM = 768
_LIE = 20
"""Frames that a card lies there: two seconds at ten a second."""


class SimulatedEmbedder:
    """Sleeps as long as an accelerator would take and answers with vectors near those of known cards.

    The first half of a batch, the crops as they are, shows the card; the crops turned show nothing known.
    """

    def __init__(self, cards: Vectors) -> None:
        self.info = ModelInfo("simulated", "0" * 64, "synthetic", 224, 224, DIM)
        self._answers = [_views(np.random.default_rng(number), card) for number, card in enumerate(cards)]
        self.card = 0

    def embed(self, crops: Batch) -> Vectors:
        """Answer with noisy views of the present card."""
        time.sleep(LATENCY_S)
        shown, turned = self._answers[self.card]
        return np.concatenate([shown[: len(crops) // 2], turned[: len(crops) // 2]])

    def telemetry(self) -> Mapping[str, float | str | bool]:
        """There is no chip."""
        return {}

    def close(self) -> None:
        """There is nothing to close."""


def _views(rng: np.random.Generator, card: Vectors) -> tuple[Vectors, Vectors]:
    """Eight noisy unit vectors of a card and eight of nothing known."""
    noise = rng.standard_normal((16, DIM)) / DIM**0.5
    noise[:8] = noise[:8] * 0.5 + card
    views = (noise / np.linalg.norm(noise, axis=1, keepdims=True)).astype(np.float32)
    return views[:8], views[8:]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--rows", type=int, default=17_592)
    parser.add_argument("--only", choices=["road", "memory"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if options.only != "memory":
            synthetic_database(Path(scratch) / "db", options.rows, DIM)
            bench_road(Path(scratch), options.frames)
        if options.only != "road":
            space = load_model_manifest(shipped_model()).space
            synthetic_database(Path(scratch) / "db-shipped", options.rows, DIM, space)
            peak_mb = daemon_peak_mb(Path(scratch))
            print(f"\ndaemon, {options.rows} x {DIM}: peak RSS {peak_mb:.0f} MB (bar: 400)")


def one_card_frames(count: int) -> list[Picture]:
    """Frames of 1280 x 720 with one card each, which lies still for twenty frames, on changing tables."""
    frames: list[Picture] = []
    for number, spec in enumerate(catalogue(-(-count // _LIE), 77)):
        rng = np.random.default_rng(number)
        view = effects.blur(rng, SURFACES[number % len(SURFACES)](rng, 720, 1280), 1.0)
        pose = Pose(rng.uniform(450, 830), rng.uniform(320, 400), rng.uniform(260, 420), rng.normal(0, 0.4))
        lay(view, card_thing(render_card(spec, 560), pose))
        frames += [effects.sensor(rng, view, 0.35) for _ in range(_LIE)]
    return frames[:count]


def bench_road(folder: Path, count: int) -> None:
    """Print the stages of the road over ``count`` frames."""
    frames = one_card_frames(count)
    with closing(open_database(folder / "db")) as database:
        stages, cpu = _drive(folder, frames, database)
    baseline = median(_canny_ms(frame) for frame in frames)
    print(f"{len(frames)} frames of 1280 x 720; baseline {baseline:.2f} ms CPU\n")
    print(f"{'stage':10} {'median ms':>10} {'p95 ms':>10} {'ratio':>8}")
    for stage, values in stages.items():
        middle, late = median(values), float(np.quantile(values, 0.95))
        print(f"{stage:10} {middle:10.2f} {late:10.2f} {middle / baseline:8.2f}")
    middle = median(cpu)
    late = float(np.quantile(cpu, 0.95))
    print(f"{'CPU, all':10} {middle:10.2f} {late:10.2f} {middle / baseline:8.2f}   (bar: 20 ms)")


def _drive(
    folder: Path, frames: list[Picture], database: Database
) -> tuple[dict[str, list[float]], list[float]]:
    """Send the frames down the road; return wall ms of each stage and CPU ms of each frame."""
    index = load_index(IndexConfig(database=folder / "db"), database)
    cv2.setNumThreads(1)
    embedder = SimulatedEmbedder(np.asarray(database.vectors[:: len(database.vectors) // 100], np.float32))
    eye = Eye(open_finder(FinderConfig()), FinderConfig(), embedder, index, database.depth)
    decider = Decider(DecideConfig(), database.manifest.accept, database.card_of, eye.search, "bench")
    facts = ScanFacts(
        "bench", "bench", ArtifactRef(name="m", sha256="0"), DatabaseRef(version="1", sha256="0")
    )
    stages: dict[str, list[float]] = {}
    cpu = []
    with closing(Outbox.open(OutboxConfig(path=folder / "outbox.db"))) as outbox:
        for number, pixels in enumerate(frames):
            embedder.card = number // _LIE
            watch, start = Stopwatch(), time.process_time()
            frame = Frame(pixels, number, number * 10**8, "bench")
            for event in scan_frame(frame, eye, decider, watch):
                with watch.stage("store"):
                    store_scan(outbox, event, facts)
            cpu.append((time.process_time() - start) * 1000)
            for stage, value in watch.ms.items():
                stages.setdefault(stage, []).append(value)
    return stages, cpu


def _canny_ms(frame: Picture) -> float:
    """CPU milliseconds of the baseline."""
    start = time.process_time()
    small = cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    cv2.Canny(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), 50, 150)
    return (time.process_time() - start) * 1000


def daemon_peak_mb(folder: Path) -> float:
    """Run the daemon over frames with one card; return its peak resident memory in MB."""
    film = folder / "frames"
    film.mkdir()
    for number, pixels in enumerate(one_card_frames(20)):
        cv2.imwrite(str(film / f"{number:03d}.png"), pixels[:, :, ::-1])
    config = {
        "device_id": "bench",
        "camera": {"backend": "replay", "path": str(film), "paced": False},
        "embedder": {"backend": "onnx", "model": str(shipped_model())},
        "index": {"database": str(folder / "db-shipped")},
        "outbox": {"path": str(folder / "daemon-outbox.db")},
        "publish": {"backend": "stdout"},
    }
    path = folder / "cardscanner.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    # Not getrusage: its peak begins with what the parent held when it started the child.
    script = (
        "import sys; from cardscanner.cli import main; code = main(sys.argv[1:]); "
        "status = open('/proc/self/status').read(); "
        "print(status.split('VmHWM:')[1].split()[0], file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "run", "--config", str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stderr.split()[-1]) / 1024


if __name__ == "__main__":
    main()
