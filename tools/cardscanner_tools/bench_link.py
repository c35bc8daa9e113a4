"""What it costs that the accelerator has a process of its own: the way of crops there, of vectors back.

    python -m cardscanner_tools.bench_link [--crops 4] [--calls 300]

The other side embeds nothing, so all of the time is the link's. The baseline is the shipped network in this
process, on one core, with the same crops.
"""

from __future__ import annotations

import argparse
import mmap
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from cardscanner.config import HailoConfig, OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.embed.crop_memory import CROPS_AT_ONCE, CropMemory, crop_memory_bytes
from cardscanner.embed.hailo_link import HailoLink
from cardscanner.embed.model import open_model
from cardscanner.records import Batch
from cardscanner.shipped import shipped_model
from cardscanner.wire import HungUp, hear, say
from cardscanner.worker_process import serve

_BAR_MS = 1.0
_BASELINE_CALLS = 5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=shipped_model())
    parser.add_argument("--crops", type=int, default=4, choices=range(1, CROPS_AT_ONCE + 1))
    parser.add_argument("--calls", type=int, default=300)
    args = parser.parse_args()
    with closing(load_embedder(OnnxConfig(backend="onnx", model=args.model, threads=1))) as embedder:
        info = embedder.info
        shape = (args.crops, info.height, info.width, 3)
        crops = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        baseline_ms = _median_ms(lambda: embedder.embed(crops), _BASELINE_CALLS)
    link_ms = _link_ms(args.model, crops, args.calls)
    print(
        f"baseline: {args.crops} crops of {info.width} x {info.height} in this process: {baseline_ms:.1f} ms"
    )
    times = link_ms / baseline_ms
    print(f"the link alone: {link_ms:.3f} ms a call (bar: {_BAR_MS:g} ms), {times:.4f} x the baseline")


def _link_ms(model: Path, crops: Batch, calls: int) -> float:
    _, _, info = open_model(model, "model.onnx")
    link = HailoLink.start(HailoConfig(backend="hailo", model=model), info, "cardscanner_tools.bench_link")
    with closing(link):
        while not link.is_open():
            time.sleep(0.01)
        return _median_ms(lambda: link.embed(crops, 5.0), calls)


def _median_ms(work: Callable[[], object], calls: int) -> float:
    """Return the time by the clock: waking the other process is part of it."""
    times = []
    for _ in range(calls + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:])) * 1000


def _answer_at_once() -> None:
    """Be the other side."""
    link, memory_fd = serve()
    config = HailoConfig.model_validate((hear(link, None) or [{}])[0])
    _, _, info = open_model(config.model, "model.onnx")
    memory = CropMemory(mmap.mmap(memory_fd, crop_memory_bytes(info)), info)
    say(link, "open", {})
    while words := hear(link, None):
        match words:
            case ["embed", int(count)]:
                memory.vectors[:count] = memory.crops[:count, 0, 0, 0, None] + 1.0
                say(link, "done", count)


if __name__ == "__main__":
    if len(sys.argv) == 4 and all(each.isdigit() for each in sys.argv[1:]):
        with suppress(HungUp):
            _answer_at_once()
    else:
        main()
