"""The pictures of a database, their maps, and second looks at simulated captures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardscanner.files import replacing
from cardscanner.match.artworks import Artworks
from cardscanner.match.gallery import Captured, Gallery
from cardscanner.match.margins import better_ways
from cardscanner.match.progress import Progress
from cardscanner.match.unit_vectors import blocks, units_at
from cardscanner.pictures import read_picture
from cardscanner.records import Candidate
from cardscanner.verify.blocks import SHARP
from cardscanner.verify.maps import own_map, print_map
from cardscanner.verify.stored import Pictures, Values, open_pictures
from cardscanner.verify.storing import encode_reference, write_maps, write_pictures
from cardscanner.verify.verifier import OwnMap, Verifier

Map = NDArray[np.float16]

LIKE_IT = 4
"""Artworks that a card has to be told from, the nearest by vector."""
TWINS = 8
"""Other prints of its artwork, the nearest by vector."""
DEPTH = 24
"""Neighbours in which both are looked for."""
_HELD = 2048
"""Small pictures held decoded while maps are made: 20 KB each."""


class Lookalikes:
    """Which references of other artworks are most like each row."""

    def __init__(self, gallery: Gallery, artworks: Artworks) -> None:
        self._gallery = gallery
        self._artworks = artworks

    def of(self, rows: Sequence[int], hidden: int = -1) -> list[list[int]]:
        """Return up to four rows of different other artworks for each row; none of the ``hidden`` artwork."""
        vectors = units_at(self._gallery.stored, np.asarray(rows))
        near, _ = self._gallery.exact.nearest(vectors, DEPTH)
        return [self._others(row, found.tolist(), hidden) for row, found in zip(rows, near, strict=True)]

    def _others(self, row: int, near: Sequence[int], hidden: int) -> list[int]:
        first: dict[int, int] = {}
        for each in near:
            first.setdefault(int(self._artworks[each]), each)
        own = int(self._artworks[row])
        return [each for name, each in first.items() if name not in (own, hidden)][:LIKE_IT]


def write_picture_file(path: Path, gallery: Gallery, artworks: Artworks, progress: Progress) -> None:
    """Write small pictures of all references, and what is special about each."""
    rows = len(gallery.pictures)
    with replacing(path) as temporary:
        with progress.counting(rows, "storing small pictures") as one_more:
            write_pictures(temporary, _encoded(gallery, one_more), rows)
        with closing(open_pictures(temporary, rows)) as pictures:
            own = _own_maps(gallery, artworks, pictures, progress)
            prints = _print_maps(gallery, artworks, pictures)
        write_maps(temporary, own, prints)


def looked_at(
    gallery: Gallery, artworks: Artworks, captured: Captured, pictures: Pictures,
    hidden: Artworks | None = None, ways: Sequence[int] = (0, 1),
) -> Iterator[list[Candidate]]:  # fmt: skip
    """Give what a second look says of each capture; ``hidden`` artworks are as if they had never been there.

    ``ways`` up: 0 as it lies, 1 turned; of several, the one with the best cosine.
    """
    lookalikes = Lookalikes(gallery, artworks)
    vectors = [captured.both_ways[way] for way in ways]
    usual = Verifier(pictures)
    for number, (way, prints) in enumerate(better_ways(gallery.exact, artworks, vectors, hidden)):
        scene = captured.scene(number)
        verifier = usual
        if hidden is not None:
            verifier = Verifier(pictures, _own_without(int(hidden[number]), lookalikes, pictures))
        corners = np.roll(scene.corners, 2, axis=0) if ways[way] else scene.corners
        yield list(verifier.checked(scene.picture, corners, _one_for_each_card(gallery, prints)))


def _one_for_each_card(gallery: Gallery, prints: Sequence[Candidate]) -> list[Candidate]:
    """Return the best view of each card, as the box compares them."""
    best: dict[int, Candidate] = {}
    for each in prints:
        if each.row is not None:
            best.setdefault(int(gallery.owner_of(np.array([each.row]))[0]), each)
    return list(best.values())


def _own_without(hidden: int, lookalikes: Lookalikes, pictures: Pictures) -> OwnMap:
    def own(row: int) -> Values:
        [others] = lookalikes.of([row], hidden)
        return own_map(pictures.half(row), [pictures.half(each) for each in others])

    return own


def _encoded(gallery: Gallery, one_more: Callable[[], object]) -> Iterator[bytes]:
    for path in gallery.pictures:
        yield encode_reference(read_picture(path))
        one_more()


def _own_maps(gallery: Gallery, artworks: Artworks, pictures: Pictures, progress: Progress) -> Map:
    half = lru_cache(maxsize=_HELD)(pictures.half)
    lookalikes = Lookalikes(gallery, artworks)
    found: list[Map] = []
    with progress.counting(len(pictures), "finding what is special about each card") as one_more:
        for start, block in blocks(gallery.stored):
            rows = list(range(start, start + len(block)))
            for row, others in zip(rows, lookalikes.of(rows), strict=True):
                found.append(own_map(half(row), [half(each) for each in others]).astype(np.float16))
                one_more()
    return np.stack(found)


def _print_maps(gallery: Gallery, artworks: Artworks, pictures: Pictures) -> Map:
    """Return the maps of cards with twins; the others have nothing to be told from."""
    found = np.zeros((len(pictures), len(SHARP.first_px)), np.float16)
    owners = gallery.owner_of(np.arange(len(pictures)))
    order = np.argsort(artworks, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(artworks[order])) + 1)
    for group in groups:
        vectors = np.asarray(gallery.stored[group], dtype=np.float32)
        for place, row in enumerate(group.tolist() if len(group) > 1 else []):
            near = np.argsort(-(vectors @ vectors[place]), kind="stable")
            others = owners[group[near]] != owners[row]
            twins = group[near[others]].tolist()[:TWINS]
            found[row] = print_map(row, twins, pictures)
    return found
