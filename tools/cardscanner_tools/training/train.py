"""Train the embedder on rendered cards: resumable, on two CPU cores or a GPU.

    cardscanner-tools train --out out/train --front efficientnet-lite0-57934424.pth

A run writes ``log.csv``, ``last.pt`` (everything needed to go on) and ``cardnet.safetensors`` (the weights).
Stopping it at any time, also with kill -9, loses at most the steps since the last checkpoint; starting the
same command again continues. Every training picture follows from the seed and its number alone.

On a CPU, run it under jemalloc (``LD_PRELOAD=.../libjemalloc.so.2 MALLOC_CONF=dirty_decay_ms:-1``): glibc
gives the large buffers of each step back to the kernel, which costs more than the arithmetic
(docs/experiments.md).
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
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from cardscanner_tools.scene.capture import CLEAN, HARD, USUAL, CaptureStyle, capture
from cardscanner_tools.training.losses import ArcFace
from cardscanner_tools.training.network import CardNet, load_imagenet_front
from cardscanner_tools.training.pool import Pool, render_pool
from cardscanner_tools.training.validation import Validation

Example = tuple[Tensor, int]


class Captures(Dataset[Example]):
    """Example ``i`` is a fresh capture of a card chosen by (seed, i)."""

    def __init__(self, pool: Pool, seed: int, start: int, count: int) -> None:
        self.pool, self.seed, self.start, self.count = pool, seed, start, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Example:
        rng = np.random.default_rng([self.seed, self.start + number])
        row = int(rng.integers(len(self.pool.labels)))
        crop = capture(rng, np.array(self.pool.faces[row]), _style(rng))
        return torch.from_numpy(crop), int(self.pool.labels[row])


def _style(rng: np.random.Generator) -> CaptureStyle:
    return (CLEAN, USUAL, HARD)[int(rng.choice(3, p=[0.1, 0.55, 0.35]))]


def _one_thread(_worker: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line; every default is what the shipped model was trained with."""
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--front", type=Path, required=True, help="EfficientNet-Lite0 checkpoint to start from"
    )
    parser.add_argument("--free-faces", type=Path, help="folder of freely licensed card faces")
    parser.add_argument("--free-art", type=Path, help="folder of freely licensed pictures")
    parser.add_argument("--cards", type=int, default=8000)
    parser.add_argument("--examples", type=int, default=320_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=100, help="steps between checkpoints")
    parser.add_argument("--validate-every", type=int, default=1000, help="steps between validations")
    parser.add_argument(
        "--validation-cards", type=int, default=1200, help="drawn cards of the validation gallery"
    )


def run(options: argparse.Namespace) -> int:
    """Run, or go on with, one training."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    pool = render_pool(
        options.out / "pool", options.cards, options.seed, options.free_faces, options.free_art
    )
    training = Run(options, pool)
    training.resume()
    validation = Validation.render(options.seed + 1000, options.validation_cards)
    for step in tqdm(
        training.steps(), total=training.total, initial=training.step, desc="training", mininterval=5
    ):
        if step % options.save_every == 0 or step == training.total:
            training.save()
        if step % options.validate_every == 0 or step == training.total:
            training.log(validation.measure(training.net))
    return 0


class Run:
    """Network, loss, optimiser and where they are in the schedule."""

    def __init__(self, options: argparse.Namespace, pool: Pool) -> None:
        self.options, self.pool = options, pool
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.net = CardNet()
        load_imagenet_front(self.net, options.front)
        self.net.to(self.device, memory_format=torch.channels_last)
        self.loss = ArcFace(self.net.project.out_features, pool.classes).to(self.device)
        tail = [parameter for parameter in self.net.parameters() if parameter.requires_grad]
        groups = [{"params": tail}, {"params": self.loss.parameters(), "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=0.0, weight_decay=1e-4)
        self.total = options.examples // options.batch
        self.step = 0
        self.recent: list[tuple[float, float]] = []

    def steps(self) -> Iterator[int]:
        """Train to the end, giving the number of finished steps after each one."""
        options = self.options
        start = self.step * options.batch
        examples = Captures(self.pool, options.seed, start, self.total * options.batch - start)
        # Not "fork": OpenCV's thread pool does not survive it.
        loader = DataLoader(
            examples,
            options.batch,
            num_workers=options.workers,
            worker_init_fn=_one_thread,
            prefetch_factor=4,
            multiprocessing_context="spawn",
        )
        for crops, labels in loader:
            self._learn(crops.to(self.device), labels.to(self.device))
            self.step += 1
            yield self.step

    def _learn(self, crops: Tensor, labels: Tensor) -> None:
        self._schedule()
        self.net.train()
        with torch.autocast(self.device.type, torch.bfloat16):
            features = self.net.features(crops)
        vectors = nn.functional.normalize(features.float(), dim=1)
        loss, right = self.loss(vectors, labels)
        if not math.isfinite(loss.item()):
            raise RuntimeError(
                f"the loss is {loss.item()} at step {self.step}: start again from a smaller --lr"
            )
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimizer.step()
        self.recent.append((loss.item(), right.item()))

    def _schedule(self) -> None:
        """Warm up, then fall as a cosine; the margin grows in the first tenth."""
        progress = self.step / self.total
        factor = min(1.0, self.step / 500) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        self.loss.margin = 0.3 * min(1.0, progress / 0.1)
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.lr * factor

    def resume(self) -> None:
        """Go on where the last checkpoint stopped."""
        path = self.options.out / "last.pt"
        if not path.is_file():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.loss.load_state_dict(state["loss"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]

    def save(self) -> None:
        """Write a checkpoint that replaces the last one in one move."""
        folder = self.options.out
        state = {
            "net": self.net.state_dict(),
            "loss": self.loss.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
        }
        torch.save(state, folder / "last.pt.tmp")
        (folder / "last.pt.tmp").replace(folder / "last.pt")
        weights = {name: value.contiguous() for name, value in self.net.state_dict().items()}
        save_file(weights, folder / "cardnet.safetensors.tmp")
        (folder / "cardnet.safetensors.tmp").replace(folder / "cardnet.safetensors")

    def log(self, measured: dict[str, float]) -> None:
        """Append one line to ``log.csv`` and show it."""
        losses, rights = zip(*self.recent[-500:], strict=True)
        row = {
            "step": self.step,
            "examples": self.step * self.options.batch,
            "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
            "loss": round(float(np.mean(losses)), 4),
            "train_top1": round(float(np.mean(rights)), 4),
            **{name: round(value, 4) for name, value in measured.items()},
        }
        path = self.options.out / "log.csv"
        fresh = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row)
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        tqdm.write(" ".join(f"{name}={value}" for name, value in row.items()))
