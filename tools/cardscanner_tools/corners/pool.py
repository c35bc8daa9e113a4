"""Pictures with known card outlines for the corner network, drawn once and kept small on disk.

Drawn scenes, photographs whose licence allows learning (the ``fit`` part, see :mod:`photos.parts`) and
pictures of shop goods without cards. Each is kept at most :data:`SIDE` pixels long; every training picture is
a fresh view of one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import InputError
from cardscanner.files import write_json
from cardscanner.pictures import read_picture
from cardscanner.records import Corners, Picture
from cardscanner.rectify import rectify
from cardscanner_tools.finder.examples import licensed_examples
from cardscanner_tools.finder.scenes import draw_scene
from cardscanner_tools.finder.truth import Truth
from cardscanner_tools.finder.workers import spread
from cardscanner_tools.photos.labels import read_not_cards, read_photos
from cardscanner_tools.photos.parts import part_of

SIDE = 640
_KINDS = ("single", "single", "single", "scattered", "scattered", "touching", "binder", "collection", "empty")
_FACE = (360, 258)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One picture on disk and every card in it."""

    path: Path
    outlines: NDArray[np.float32]
    """(N, 4, 2) picture pixels."""
    boxes: NDArray[np.bool_]
    """(N,) whether only the upright box around the card is known, not its corners."""
    source: str
    """``scene``, ``photo`` or ``goods``."""


def draw_pool(folder: Path, scenes: int, seed: int, data: Path | None, workers: int) -> list[Example]:
    """Draw what is not there yet; return everything. ``data`` is a folder of licensed photographs or none."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [n for n in range(scenes) if not (folder / f"scene-{n:06d}.json").is_file()]
    spread(partial(_draw, folder, seed, data), wanted, "drawing scenes", workers)
    if data is not None and not (folder / "photos.done").is_file():
        _keep_photos(folder, data)
        (folder / "photos.done").touch()
    return read_pool(folder)


def read_pool(folder: Path) -> list[Example]:
    """Return what was drawn and kept, in the order of the names."""
    examples = sorted((_read(path) for path in folder.glob("*.json")), key=lambda each: each.path)
    if not examples:
        raise InputError(f"{folder} holds no pictures with outlines: draw a pool with train-corners")
    return examples


@cache
def _faces(data: Path | None) -> list[Picture]:
    """Free card faces, and the cards of the photographs that may be learnt from, cut out and straightened."""
    if data is None:
        return []
    faces = [read_picture(path) for path in sorted((data / "free_cards").glob("*.jpg"))]
    for photo in read_photos(data):
        if part_of(photo.path, photo.origin) == "fit":
            picture = read_picture(photo.path)
            faces += [
                rectify(picture, card.corners, *_FACE)
                for card in photo.cards
                if card.oriented and not card.box_only
            ]
    return faces


@cache
def _grounds(data: Path | None) -> list[Picture]:
    if data is None:
        return []
    return [read_picture(path) for path, kind in read_not_cards(data) if part_of(path, kind) == "fit"]


def _draw(folder: Path, seed: int, data: Path | None, number: int) -> None:
    rng = np.random.default_rng([seed, number])
    scene = draw_scene(rng, _faces(data), _grounds(data), _KINDS)
    _keep(
        folder / f"scene-{number:06d}", scene.picture, scene.outlines, [False] * len(scene.outlines), "scene"
    )


def _keep_photos(folder: Path, data: Path) -> None:
    for example in licensed_examples(data):
        truths: Sequence[Truth] = example.truths
        source = "photo" if example.path.parent.name == "photos" else "goods"
        boxes = [truth.box_only for truth in truths]
        _keep(
            folder / f"{source}-{example.path.stem}",
            read_picture(example.path),
            [t.corners for t in truths],
            boxes,
            source,
        )


def _keep(
    stem: Path, picture: Picture, outlines: Sequence[Corners], boxes: Sequence[bool], source: str
) -> None:
    """Write picture and outlines; the outlines last, so that their existence means complete."""
    scale = min(1.0, SIDE / max(picture.shape[:2]))
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    cv2.imwrite(str(stem.with_suffix(".jpg")), small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 93])
    corners = [((np.asarray(each) + 0.5) * scale - 0.5).round(2).tolist() for each in outlines]
    write_json(stem.with_suffix(".json"), {"outlines": corners, "boxes": list(boxes), "source": source})


def _read(path: Path) -> Example:
    document = json.loads(path.read_text(encoding="utf-8"))
    outlines = np.array(document["outlines"], np.float32).reshape(-1, 4, 2)
    return Example(path.with_suffix(".jpg"), outlines, np.array(document["boxes"], bool), document["source"])
