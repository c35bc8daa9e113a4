"""Spreading work over processes, with a progress bar."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import cv2
from tqdm import tqdm

Given = TypeVar("Given")
Made = TypeVar("Made")


def spread(work: Callable[[Given], Made], items: Sequence[Given], what: str, workers: int) -> list[Made]:
    """Return ``work`` of every item, in order; ``work`` and the items travel by pickle."""
    if workers == 1:
        return [work(item) for item in tqdm(items, desc=what, mininterval=2)]
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(workers, context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        return list(tqdm(pool.map(work, items, chunksize=4), what, len(items), mininterval=2))
