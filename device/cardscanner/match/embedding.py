"""From reference pictures to stored vectors: streamed in batches, part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cardscanner.errors import ArtifactError, InputError
from cardscanner.match.card_table import Reference
from cardscanner.match.progress import Progress
from cardscanner.match.unit_vectors import bad_rows
from cardscanner.match.work_area import Part, WorkArea
from cardscanner.pictures import read_picture
from cardscanner.ports import Embedder, ModelInfo
from cardscanner.records import Picture, Vectors
from cardscanner.rectify import rectify, whole_picture_corners

BATCH = 16


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A reference that is not in the database, and why."""

    card_id: str
    reason: str


def reference_crop(path: Path, info: ModelInfo) -> Picture:
    """Return the crop that stands for a card; :class:`InputError` when the picture cannot be read."""
    picture = read_picture(path)
    return rectify(picture, whole_picture_corners(picture), info.height, info.width)


def embed_crops(crops: Sequence[Picture], embedder: Embedder) -> Vectors:
    """Embed crops in small batches and check what comes back.

    Raises
    ------
    ArtifactError
        The model gave something that is not a finite unit vector.
    """
    none = np.empty((0, embedder.info.dim), dtype=np.float32)
    starts = range(0, len(crops), BATCH)
    return np.concatenate([none, *(_embed_batch(crops[start : start + BATCH], embedder) for start in starts)])


def _embed_batch(crops: Sequence[Picture], embedder: Embedder) -> Vectors:
    vectors = embedder.embed(np.stack(crops))
    if vectors.shape != (len(crops), embedder.info.dim) or bad_rows(vectors).size:
        raise ArtifactError(
            f"model {embedder.info.name} does not give one finite unit vector of {embedder.info.dim} values "
            "for each picture: a database cannot be built with it"
        )
    return vectors


EmbedAll = Callable[[Sequence[Reference], Embedder, WorkArea, Progress], None]
"""Makes every part of a work area that is not there yet."""


def embed_references(
    references: Sequence[Reference], embedder: Embedder, work: WorkArea, progress: Progress
) -> None:
    """Make every part that is not in the work area yet, one after the other."""
    missing, todo = missing_parts(references, work, progress)
    with progress.counting(todo, "embedding references") as one_more:
        for start in missing:
            paths = [each.path for each in references[start : start + work.part_cards]]
            save_part(work, start, embed_part(paths, start, embedder, one_more))


def missing_parts(
    references: Sequence[Reference], work: WorkArea, progress: Progress
) -> tuple[list[int], int]:
    """Return where the parts begin that are not there yet, and how many references they have."""
    size = work.part_cards
    if done := work.finished_parts():
        progress.note(f"going on after {min(done * size, len(references))} of {len(references)} references")
    missing = [start for start in range(0, len(references), size) if not work.has(start // size)]
    return missing, sum(len(references[start : start + size]) for start in missing)


def save_part(work: WorkArea, start: int, part: Part) -> None:
    """Store a part, its vectors in the precision of the database."""
    work.save(start // work.part_cards, replace(part, vectors=part.vectors.astype(work.dtype)))


def embed_part(
    paths: Sequence[Path], first: int, embedder: Embedder, one_more: Callable[[], object] = lambda: None
) -> Part:
    """Embed some consecutive references; the vectors depend on these pictures and on nothing else."""
    positions: list[int] = []
    unreadable: dict[int, str] = {}
    crops: list[Picture] = []
    vectors: list[Vectors] = []
    for position, path in enumerate(paths, start=first):
        try:
            crops.append(reference_crop(path, embedder.info))
            positions.append(position)
        except InputError as error:
            unreadable[position] = str(error)
        if len(crops) == BATCH:
            vectors.append(embed_crops(crops, embedder))
            crops.clear()
        one_more()
    vectors.append(embed_crops(crops, embedder))
    return Part(np.array(positions, dtype=np.int64), np.concatenate(vectors), unreadable)
