"""The road of one frame, in one line: find, rectify, embed, search, decide."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from cardscanner.config import FinderConfig
from cardscanner.decide import Decider
from cardscanner.detect import find_cards
from cardscanner.ports import Embedder, Finder, Index
from cardscanner.records import Frame, Neighbour, Picture, Quad, ScanEvent, Sighting
from cardscanner.rectify import rectify, turned
from cardscanner.stillness import Stillness

_SINGLE_VIEW = 0.25
"""Share of the index's effort for one view in one frame: it tells ways and cards apart, and is not believed
alone. What is reported comes from a search of full effort with the pooled views of a track."""


class Stopwatch:
    """Milliseconds spent in each stage of one frame."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time inside the block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.ms[name] = self.ms.get(name, 0.0) + (time.perf_counter() - start) * 1000


class Eye:
    """Sees cards in pictures: finder, embedder and index together. Owned by one thread.

    ``depth`` is how many neighbours the accept rule needs to see.
    """

    def __init__(
        self, finder: Finder, config: FinderConfig, embedder: Embedder, index: Index, depth: int
    ) -> None:
        self._finder = finder
        self._config = config
        self._embedder = embedder
        self._index = index
        self._depth = depth
        self._still = Stillness()

    def turn_to(self, index: Index, depth: int) -> None:
        """Search another index from now on; whoever opened the old one closes it."""
        self._index, self._depth = index, depth

    def find(self, picture: Picture) -> list[Quad]:
        """Find cards, best first."""
        return find_cards(picture, self._finder, self._config)

    def find_in_film(self, picture: Picture) -> list[Quad]:
        """Find cards in the next frame of a camera; while nothing moves, most frames need no search."""
        quads = self._still.recall(picture)
        if quads is None:
            quads = self.find(picture)
            self._still.remember(picture, quads)
        return quads

    def sight(
        self, picture: Picture, quads: Sequence[Quad], watch: Stopwatch, effort: float = 1.0
    ) -> list[Sighting]:
        """Embed every reading of every quad both ways up and keep the one closest to some reference."""
        if not quads:
            return []
        info = self._embedder.info
        outlines = [corners for quad in quads for corners in (quad.corners, *quad.others)]
        owners = np.repeat(np.arange(len(quads)), [1 + len(quad.others) for quad in quads])
        with watch.stage("rectify"):
            upright = np.stack([rectify(picture, each, info.height, info.width) for each in outlines])
        with watch.stage("embed"):
            vectors = self._embedder.embed(np.concatenate([upright, turned(upright)]))
        with watch.stage("search"):
            rows, cosines = self._index.nearest(vectors, self._depth, effort)
        ways = outlines + [np.roll(each, 2, axis=0) for each in outlines]
        return [
            Sighting(
                Quad(ways[way], quad.confidence),
                bool(way >= len(outlines)),
                vectors[way],
                _neighbours(rows[way], cosines[way]),
            )
            for quad, way in zip(quads, _best_ways(owners, cosines[:, 0]), strict=True)
        ]

    def search(self, vector: NDArray[np.float32]) -> tuple[Neighbour, ...]:
        """Nearest references of one unit vector (D,)."""
        rows, cosines = self._index.nearest(vector[None], self._depth)
        return _neighbours(rows[0], cosines[0])


def scan_frame(frame: Frame, eye: Eye, decider: Decider, watch: Stopwatch) -> list[ScanEvent]:
    """Take one frame down the road; return the cards that it decided."""
    with watch.stage("find"):
        quads = eye.find_in_film(frame.pixels)
    places = decider.places_to_check([quad.corners for quad in quads])
    seen = eye.sight(frame.pixels, [*quads, *(Quad(place, 0.0) for place in places)], watch, _SINGLE_VIEW)
    with watch.stage("decide"):
        return decider.update(frame, seen[: len(quads)], seen[len(quads) :], watch.ms)


def _best_ways(owners: NDArray[np.int64], cosines: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the closest way of each of N quads, (N,), among M readings upright and M upside down, (2 M,)."""
    order = np.argsort(-cosines, kind="stable")
    _, first = np.unique(np.concatenate([owners, owners])[order], return_index=True)
    return order[first]


def _neighbours(rows: NDArray[np.int64], cosines: NDArray[np.float32]) -> tuple[Neighbour, ...]:
    return tuple(Neighbour(int(row), float(cosine)) for row, cosine in zip(rows, cosines, strict=True))
