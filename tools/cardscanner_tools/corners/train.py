"""Train the corner network on drawn scenes and licensed photographs: resumable, on two CPU cores or a GPU.

    cardscanner-tools train-corners --out out/corners --front efficientnet-lite0-57934424.pth --data FOLDER

A run writes ``log.csv``, ``last.pt`` (everything needed to go on) and ``corners.safetensors`` (the averaged
weights). Stopping it at any time loses at most the steps since the last checkpoint; the same command goes on.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from cardscanner.detect.corner_maps import STRIDE
from cardscanner_tools.corners.losses import corner_loss
from cardscanner_tools.corners.network import CornerNet
from cardscanner_tools.corners.pool import Example, draw_pool
from cardscanner_tools.corners.targets import targets
from cardscanner_tools.corners.views import view
from cardscanner_tools.efficientnet_lite0 import load_imagenet

_SHARES = {"scene": 0.5, "photo": 0.38, "goods": 0.12}
"""How often each source is looked at."""
_AVERAGE = 0.998


class Views(Dataset[tuple[Tensor, ...]]):
    """View ``i`` is a fresh view of a picture chosen by (seed, i)."""

    def __init__(self, examples: list[Example], seed: int, start: int, count: int, side: int) -> None:
        self.seed, self.start, self.count, self.side = seed, start, count, side
        self.sources = {name: [each for each in examples if each.source == name] for name in _SHARES}
        self.sources = {name: found for name, found in self.sources.items() if found}

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> tuple[Tensor, ...]:
        rng = np.random.default_rng([self.seed, self.start + number])
        share = np.array([_SHARES[name] for name in self.sources])
        examples = list(self.sources.values())[int(rng.choice(len(share), p=share / share.sum()))]
        seen, outlines, boxes = view(rng, examples[int(rng.integers(len(examples)))], self.side)
        answer = targets(outlines, boxes, self.side // STRIDE, self.side // STRIDE)
        parts = (seen, answer.heat, answer.offset, answer.lying, answer.corners, answer.weight)
        return tuple(torch.from_numpy(np.ascontiguousarray(part)) for part in parts)


def _one_thread(_worker: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line; every default is what the shipped network was trained with."""
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--front", type=Path, required=True, help="EfficientNet-Lite0 checkpoint to start from"
    )
    parser.add_argument(
        "--data", type=Path, help="folder with licensed photographs (photos.csv, not_cards.csv)"
    )
    parser.add_argument("--scenes", type=int, default=4500)
    parser.add_argument("--views", type=int, default=64_000)
    parser.add_argument("--side", type=int, default=320, help="pixels, a multiple of 32")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--workers", type=int, default=1, help="processes that draw; 0: none")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=100, help="steps between checkpoints")


def run(options: argparse.Namespace) -> int:
    """Run, or go on with, one training."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    drawing = max(1, options.workers)
    pool = draw_pool(options.out / "pool", options.scenes, options.seed, options.data, drawing)
    training = Run(options, pool)
    training.resume()
    bar = tqdm(training.steps(), total=training.total, initial=training.step, desc="training", mininterval=5)
    for step, parts in bar:
        if step % 20 == 0:
            bar.set_postfix({name: f"{value:.3f}" for name, value in parts.items()})
        if step % options.save_every == 0 or step == training.total:
            training.save()
    return 0


class Run:
    """Network, its running average, optimiser and where they are in the schedule."""

    def __init__(self, options: argparse.Namespace, pool: list[Example]) -> None:
        self.options, self.pool = options, pool
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.net = CornerNet()
        load_imagenet(self.net, options.front)
        self.net.to(self.device, memory_format=torch.channels_last)
        backbone = [p for p in self.net.blocks.parameters() if p.requires_grad]
        known = {id(p) for p in backbone}
        fresh = [p for p in self.net.parameters() if p.requires_grad and id(p) not in known]
        self.optimizer = torch.optim.AdamW(
            [{"params": fresh, "share": 1.0}, {"params": backbone, "share": 0.25}], lr=0.0, weight_decay=1e-4
        )
        self.average = {name: value.detach().clone() for name, value in self.net.state_dict().items()}
        self.total = options.views // options.batch
        self.step = 0
        self.recent: list[dict[str, float]] = []

    def steps(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Train to the end, giving the number of finished steps and the loss's parts after each one."""
        options = self.options
        start = self.step * options.batch
        views = Views(self.pool, options.seed, start, self.total * options.batch - start, options.side)
        several = options.workers > 0
        loader = DataLoader(
            views,
            options.batch,
            num_workers=options.workers,
            worker_init_fn=_one_thread,
            prefetch_factor=4 if several else None,
            # Not "fork": OpenCV's thread pool does not survive it.
            multiprocessing_context="spawn" if several else None,
        )
        for pictures, *answers in loader:
            parts = self._learn(pictures.to(self.device), [answer.to(self.device) for answer in answers])
            self.step += 1
            self.recent.append(parts)
            yield self.step, parts

    def _learn(self, pictures: Tensor, answers: list[Tensor]) -> dict[str, float]:
        self._schedule()
        self.net.train()
        with torch.autocast(self.device.type, torch.bfloat16):
            maps = self.net(pictures)
        loss, parts = corner_loss(maps.float(), *answers)
        if not math.isfinite(loss.item()):
            raise RuntimeError(
                f"the loss is {loss.item()} at step {self.step}: start again from a smaller --lr"
            )
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        self.optimizer.step()
        decay = min(_AVERAGE, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.net.state_dict().items():
                if value.dtype.is_floating_point:
                    self.average[name].lerp_(value, 1 - decay)
        return parts

    def _schedule(self) -> None:
        """Warm up, then fall as a cosine."""
        progress = self.step / self.total
        factor = min(1.0, (self.step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.lr * factor * group["share"]

    def resume(self) -> None:
        """Go on where the last checkpoint stopped."""
        path = self.options.out / "last.pt"
        if path.is_file():
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.average = state["average"]
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]

    def save(self) -> None:
        """Write a checkpoint that replaces the last one in one move, and a line of the log."""
        folder = self.options.out
        state = {
            "net": self.net.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
        }
        torch.save(state, folder / "last.pt.tmp")
        (folder / "last.pt.tmp").replace(folder / "last.pt")
        save_file(
            {name: value.contiguous() for name, value in self.average.items()},
            folder / "corners.safetensors.tmp",
        )
        (folder / "corners.safetensors.tmp").replace(folder / "corners.safetensors")
        row = {"step": self.step, "time": time.strftime("%Y-%m-%dT%H:%M:%S")}
        row |= {
            name: round(float(np.mean([each[name] for each in self.recent])), 4) for name in self.recent[0]
        }
        self.recent = []
        path = folder / "log.csv"
        fresh = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row)
            if fresh:
                writer.writeheader()
            writer.writerow(row)
