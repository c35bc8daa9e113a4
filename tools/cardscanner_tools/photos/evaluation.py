"""Running the product over labelled photographs and keeping what it said about every card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardscanner.accept import judge
from cardscanner.decide import one_per_object
from cardscanner.geometry import iou
from cardscanner.pictures import read_picture
from cardscanner.pipeline import Stopwatch
from cardscanner.records import Batch, Corners, Picture, Quad, Sighting, Verdict
from cardscanner.rectify import rectify, turned, whole_picture_corners
from cardscanner.rooms import Rooms
from cardscanner_tools.photos.labels import LabelledCard, LabelledPhoto
from cardscanner_tools.photos.phash import phash

FOUND_IOU = 0.5
HASH_SIDES = (8, 16)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One labelled card, or one quad where no card is labelled, and what was said about it."""

    photo: Path
    label: LabelledCard | None
    sighting: Sighting | None
    """``None``: the card was not found."""
    verdict: Verdict | None
    crop: Picture | None
    iou: float
    hashes: dict[int, list[str]] = field(default_factory=dict)
    """Five nearest card ids by pHash, by the hash's side."""
    by_vectors: Verdict | None = None
    """What would have been said without looking again."""


@dataclass(frozen=True, slots=True, eq=False)
class HashGallery:
    """The references as perceptual hashes."""

    ids: list[str]
    hashes: dict[int, NDArray[np.float32]]

    @classmethod
    def of(cls, references: Sequence[tuple[str, Path]], height: int, width: int) -> HashGallery:
        """Hash every reference picture (card id, path)."""
        crops = []
        for _, path in references:
            picture = read_picture(path)
            crops.append(rectify(picture, whole_picture_corners(picture), height, width))
        stack = np.stack(crops)
        return cls([name for name, _ in references], {side: phash(stack, side) for side in HASH_SIDES})

    def nearest(self, crop: Picture, count: int = 5) -> dict[int, list[str]]:
        """Return the nearest card ids of a crop, the better way up, for each hash length."""
        both: Batch = np.stack([crop, turned(crop[None])[0]])
        result = {}
        for side, gallery in self.hashes.items():
            scores = (phash(both, side) @ gallery.T).max(axis=0)
            result[side] = [self.ids[row] for row in np.argsort(-scores)[:count]]
        return result


Finder = Callable[[LabelledPhoto, Picture], list[Quad]]


def found_quads(rooms: Rooms) -> Finder:
    """End to end: the quads that the product finds."""
    return lambda _photo, picture: rooms.eye.find(picture)


def labelled_quads(photo: LabelledPhoto, _picture: Picture) -> list[Quad]:
    """The embedder alone: the labelled outlines are given."""
    return [Quad(card.corners, 1.0) for card in photo.cards]


def evaluate_photo(
    photo: LabelledPhoto, rooms: Rooms, hashes: HashGallery, finder: Finder
) -> Iterator[Outcome]:
    """Scan one photograph; yield an outcome for each label, then one for each quad that is no label."""
    picture = read_picture(photo.path)
    quads = finder(photo, picture)
    sightings = one_per_object(rooms.eye.sight(picture, quads, Stopwatch()))
    pairs = _pair([card.corners for card in photo.cards], [each.quad.corners for each in sightings])
    info = rooms.embedder.info
    for number, card in enumerate(photo.cards):
        if number not in pairs:
            yield Outcome(photo.path, card, None, None, None, 0.0)
            continue
        chosen, overlap = pairs[number]
        crop = rectify(picture, sightings[chosen].quad.corners, info.height, info.width)
        yield Outcome(
            photo.path,
            card,
            sightings[chosen],
            rooms.judged(picture, sightings[chosen], top=5),
            crop,
            overlap,
            hashes.nearest(crop),
            _by_vectors(rooms, sightings[chosen]),
        )
    taken = {chosen for chosen, _ in pairs.values()}
    for number, sighting in enumerate(sightings):
        if number not in taken:
            crop = rectify(picture, sighting.quad.corners, info.height, info.width)
            yield Outcome(
                photo.path, None, sighting, rooms.judged(picture, sighting, top=5), crop, 0.0, {},
                _by_vectors(rooms, sighting),
            )  # fmt: skip


def _by_vectors(rooms: Rooms, sighting: Sighting) -> Verdict:
    return judge(sighting.neighbours, rooms.database.card_of, rooms.rule, top=5)


def _pair(labels: Sequence[Corners], found: Sequence[Corners]) -> dict[int, tuple[int, float]]:
    """Match labels and quads one to one, best overlap first."""
    overlaps = [
        (iou(label, quad), row, column)
        for row, label in enumerate(labels)
        for column, quad in enumerate(found)
    ]
    pairs: dict[int, tuple[int, float]] = {}
    taken: set[int] = set()
    for overlap, row, column in sorted(overlaps, reverse=True):
        if overlap >= FOUND_IOU and row not in pairs and column not in taken:
            pairs[row] = (column, overlap)
            taken.add(column)
    return pairs
