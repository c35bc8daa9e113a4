"""Telling a waiting person how far a build is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


class Progress:
    """Writes to one stream, standard error unless told otherwise."""

    def __init__(self, stream: TextIO | None = None, line_every_s: float = 10.0) -> None:
        self._stream = stream or sys.stderr
        self._line_every_s = line_every_s

    def note(self, text: str) -> None:
        """Write one line."""
        print(text, file=self._stream, flush=True)

    @contextmanager
    def counting(self, total: int, what: str) -> Iterator[Callable[[], object]]:
        """Give a function to be called once for each of ``total`` things that is done."""
        if self._stream.isatty():
            from tqdm import tqdm

            with tqdm(desc=what, total=total, file=self._stream) as bar:
                yield bar.update
            return
        yield _Lines(self, self._line_every_s, total, what).one_more


class _Lines:
    """A line every few seconds."""

    def __init__(self, progress: Progress, every_s: float, total: int, what: str) -> None:
        self._progress = progress
        self._every_s = every_s
        self._total, self._what = total, what
        self._done = 0
        self._next_line = time.monotonic() + self._every_s

    def one_more(self) -> None:
        self._done += 1
        if time.monotonic() >= self._next_line:
            self._progress.note(f"{self._what}: {self._done} of {self._total}")
            self._next_line = time.monotonic() + self._every_s
