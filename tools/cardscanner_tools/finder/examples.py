"""Pictures with known cards that the finder is fitted to: drawn scenes, and photographs that allow it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np

from cardscanner.errors import CardscannerError
from cardscanner.pictures import read_picture
from cardscanner.records import Picture
from cardscanner_tools.finder.scenes import draw_scene
from cardscanner_tools.finder.truth import Truth
from cardscanner_tools.finder.workers import spread
from cardscanner_tools.photos.labels import read_not_cards, read_photos
from cardscanner_tools.photos.parts import part_of

_PHOTO_WEIGHT = 1.5
_BOX_WEIGHT = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One picture and every card in it."""

    path: Path
    truths: tuple[Truth, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Material:
    """Pictures that drawn scenes may use."""

    faces: tuple[Path, ...] = ()
    """Card faces, besides the invented ones."""
    grounds: tuple[Path, ...] = ()
    """Photographs to lie cards on, besides the drawn tables."""

    @classmethod
    def of(cls, data: Path, *, photos: bool) -> Material:
        """Take the free faces of a data folder and, if photographs are allowed, the goods of a shop."""
        faces = tuple(sorted((data / "free_cards").glob("*.jpg")))
        goods = (
            [path for path, kind in read_not_cards(data) if part_of(path, kind) == "fit"] if photos else []
        )
        return cls(faces, tuple(goods))


def draw_examples(
    folder: Path, numbers: Sequence[int], seed: int, material: Material, workers: int
) -> list[Example]:
    """Draw scenes into a folder; scene n of a seed is always the same."""
    return spread(partial(_draw, folder, seed, material), numbers, "drawing", workers)


@cache
def _pictures(paths: tuple[Path, ...]) -> list[Picture]:
    return [read_picture(path) for path in paths]


def _draw(folder: Path, seed: int, material: Material, number: int) -> Example:
    faces, grounds = _pictures(material.faces), _pictures(material.grounds)
    scene = draw_scene(np.random.default_rng([seed, number]), faces, grounds)
    path = folder / f"{number:06d}.png"
    if not cv2.imwrite(str(path), scene.picture[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise CardscannerError(f"{path}: cannot be written; is there room on the disk?")
    return Example(path, tuple(Truth(corners) for corners in scene.outlines))


def licensed_examples(data: Path) -> Iterator[Example]:
    """Yield the ``fit`` part of the photographs whose licence allows learning from them."""
    for photo in read_photos(data):
        if part_of(photo.path, photo.origin) == "fit":
            truths = tuple(Truth.of_label(card) for card in photo.cards)
            boxes = any(truth.box_only for truth in truths)
            yield Example(photo.path, truths, _BOX_WEIGHT if boxes else _PHOTO_WEIGHT)
    for path, kind in read_not_cards(data):
        if part_of(path, kind) == "fit":
            yield Example(path, ())
