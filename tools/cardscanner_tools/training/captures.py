"""Training examples: example ``i`` of a seed is always the same capture of the same card.

So a run that goes on after a stop sees what it would have seen, and any number of processes can share the
work: each takes its share of the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from cardscanner.records import Batch, Picture
from cardscanner.rectify import rectify, whole_picture_corners
from cardscanner_tools.scene.capture import CLEAN, HARD, USUAL, CaptureStyle, capture
from cardscanner_tools.scene.strangers import TAUGHT, stranger
from cardscanner_tools.training import augment
from cardscanner_tools.training.augment_settings import AugmentSettings
from cardscanner_tools.training.losses import NO_CLASS
from cardscanner_tools.training.pool import Pool
from cardscanner_tools.training.recipe import CaptureMix

WORST = CaptureStyle(2.0, (36, 250), 0.10, 0.4, 0.6, 0.5, 0.35)
"""Corners up to a tenth of the card's width off, and cards of 36 pixels."""
STYLES = (CLEAN, USUAL, HARD, WORST)
_CUTMIX = 1
_NO_CARD = 2
Collate = Callable[[Sequence[Any]], tuple[Tensor, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """How examples are drawn from a pool."""

    pool: Pool
    seed: int
    mix: CaptureMix
    augment: AugmentSettings

    def choose(self, number: int) -> tuple[Generator, int, CaptureStyle]:
        """Return the generator of an example, its row in the pool and its style."""
        rng = np.random.default_rng([self.seed, number])
        row = int(rng.integers(len(self.pool.labels)))
        shares = np.array(self.mix.shares())
        return rng, row, STYLES[int(rng.choice(len(STYLES), p=shares / shares.sum()))]

    def shows_card(self, number: int) -> bool:
        """Whether the example shows a card at all."""
        draw = np.random.default_rng([self.seed, number, _NO_CARD])
        return bool(draw.random() >= self.mix.no_card)

    def capture(self, number: int, size: int, *, augmented: bool) -> Picture:
        """Return the example's capture; the same view whatever the size."""
        rng, row, style = self.choose(number)
        if not self.shows_card(number):
            return stranger(rng, TAUGHT[int(rng.integers(len(TAUGHT)))], style, size)
        crop = capture(rng, np.array(self.pool.faces[row]), style, size)
        return augment.apply(rng, crop, self.augment) if augmented else crop

    def label(self, number: int) -> int:
        """Return the class of the example's card, or :data:`NO_CLASS`."""
        if not self.shows_card(number):
            return NO_CLASS
        return int(self.pool.labels[self.choose(number)[1]])


class Captures(Dataset[Any]):
    """Number -> (number, crop, class)."""

    def __init__(self, drawing: Drawing, size: int) -> None:
        self.drawing, self.size = drawing, size

    def __getitem__(self, number: int) -> tuple[int, Picture, int]:
        crop = self.drawing.capture(number, self.size, augmented=True)
        return number, crop, self.drawing.label(number)


class Views(Dataset[Any]):
    """Number -> (what the student sees, what the teacher sees[, class]).

    Augmentations are the student's alone: it is to answer as the teacher does without them.
    """

    def __init__(
        self, drawing: Drawing, size: int, teacher_size: int, *, clean_teacher: bool, labels: bool
    ) -> None:
        self.drawing, self.size, self.teacher_size = drawing, size, teacher_size
        self.clean_teacher, self.labels = clean_teacher, labels

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        crop = self.drawing.capture(number, self.size, augmented=True)
        if self.clean_teacher and self.drawing.shows_card(number):
            face = np.array(self.drawing.pool.faces[self.drawing.choose(number)[1]])
            shown = clean(face, self.teacher_size)
        else:
            shown = self.drawing.capture(number, self.teacher_size, augmented=False)
        return (crop, shown, self.drawing.label(number)) if self.labels else (crop, shown)


@dataclass(frozen=True, slots=True)
class CollateCaptures:
    """Make a batch of :class:`Captures` and mix it: crops, classes, the partners' classes, own share."""

    seed: int
    settings: AugmentSettings

    def __call__(self, items: Sequence[tuple[int, Picture, int]]) -> tuple[Tensor, ...]:
        """Mix with a generator that the batch's first number determines."""
        rng = np.random.default_rng([self.seed, items[0][0], _CUTMIX])
        labels = np.array([label for _, _, label in items], dtype=np.int64)
        crops = np.stack([crop for _, crop, _ in items])
        crops, labels, others, share = augment.cutmix(rng, crops, labels, self.settings)
        return (
            torch.from_numpy(crops), torch.from_numpy(labels), torch.from_numpy(others), torch.tensor(share),
        )  # fmt: skip


def collate_views(items: Sequence[tuple[Any, ...]]) -> tuple[Tensor, ...]:
    """Make a batch of :class:`Views`."""
    return tuple(torch.from_numpy(np.stack(column)) for column in zip(*items, strict=True))


@dataclass(frozen=True, slots=True)
class Share:
    """The examples of one process: of every step, split in parts, each rank takes every n-th number."""

    first: int
    """Number of the first example of the first step."""
    steps: int
    batch: int
    parts: int = 1
    rank: int = 0
    ranks: int = 1

    def __len__(self) -> int:
        return self.steps * self.parts

    def __iter__(self) -> Iterator[list[int]]:
        stride = self.parts * self.ranks
        for step in range(self.steps):
            start = self.first + step * self.batch
            for part in range(self.parts):
                yield list(range(start + part * self.ranks + self.rank, start + self.batch, stride))


def loader(examples: Dataset[Any], share: Share, collate: Collate, workers: int) -> Iterator[Any]:
    """Give the batches of a share, drawn by ``workers`` processes or, with 0, by this one."""
    more = {"prefetch_factor": 4, "multiprocessing_context": "spawn"} if workers else {}
    return iter(
        DataLoader(
            examples,
            batch_sampler=share,
            collate_fn=collate,
            num_workers=workers,
            worker_init_fn=_one_thread,
            pin_memory=torch.cuda.is_available(),
            # Of its own, or starting to load would move torch's generator and a resumed run would differ.
            generator=torch.Generator(),
            # Not "fork": OpenCV's thread pool does not survive it.
            **more,
        )
    )


def clean(face: Picture, size: int) -> Picture:
    """Return a card face as the database would show it to the network."""
    return rectify(face, whole_picture_corners(face), size, size)


@torch.no_grad()
def class_means(net: nn.Module, pool: Pool, size: int) -> Tensor:
    """Return (classes, dim): for each class the sum of the embeddings of its clean faces."""
    net.eval()
    device = next(net.parameters()).device
    sums: Tensor | None = None
    for at in range(0, len(pool.labels), 64):
        crops: Batch = np.stack([clean(np.array(face), size) for face in pool.faces[at : at + 64]])
        vectors = net(torch.from_numpy(crops).to(device)).float()
        if sums is None:
            sums = torch.zeros(pool.classes, vectors.shape[1], device=device)
        sums.index_add_(0, torch.from_numpy(pool.labels[at : at + 64]).to(device), vectors)
    assert sums is not None, "a pool is never empty"  # noqa: S101 - for the type
    return sums


def _one_thread(_worker: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
