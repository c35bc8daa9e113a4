"""From embedded references to the files of a database, its manifest last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardscanner.files import replacing, write_json
from cardscanner.manifest import (
    MANIFEST,
    AcceptRule,
    DatabaseManifest,
    ModelManifest,
    describe_file,
    load_database_manifest,
    sealed_document,
)
from cardscanner.match.artworks import Artworks, join_artworks
from cardscanner.match.calibrate import calibrate, measure_artwork_limit
from cardscanner.match.card_store import CARDS_FILE, StoredCard, write_cards
from cardscanner.match.card_table import Reference
from cardscanner.match.database import VECTORS_FILE
from cardscanner.match.exact import exact_index
from cardscanner.match.gallery import Gallery
from cardscanner.match.index_choice import SEED, Wanted, build_indexes
from cardscanner.match.looks import write_picture_file
from cardscanner.match.progress import Progress
from cardscanner.match.unit_vectors import Precision, Stored
from cardscanner.match.work_area import WorkArea
from cardscanner.ports import Embedder
from cardscanner.records import Card
from cardscanner.verify.stored import PICTURES_FILE, open_pictures

ARTWORK_COSINE = "artwork_cosine"
GALLERY = "gallery"
"""In the calibration: from which cosine two pictures are one artwork, and how many cards it was made for."""
_POOR = 0.5


@dataclass(frozen=True, slots=True)
class Title:
    """What a database is called."""

    name: str
    version: str


def assemble(
    references: Sequence[Reference],
    work: WorkArea,
    embedder: Embedder,
    model: ModelManifest,
    title: Title,
    progress: Progress,
    index: Wanted = "auto",
    *,
    second_looks: bool = True,
) -> DatabaseManifest:
    """Write all files of a database into the work area; ``references`` are those that have a vector.

    Without ``second_looks`` its candidates cannot be looked at again.
    """
    folder = work.folder
    stored = write_vectors(folder / VECTORS_FILE, work, len(references), model.dim)
    exact = exact_index(stored)
    owners = _owners(references)
    gallery = Gallery([each.path for each in references], stored, exact, owners)
    limit = measure_artwork_limit(gallery, embedder, SEED, progress)
    artworks = join_artworks(_labels(references), stored, limit)
    cards = int(owners.max()) + 1
    found = _rule(folder, gallery, artworks, embedder, progress, second_looks=second_looks)
    rule = _noted(found, limit, cards)
    _tell(artworks, owners, rule, progress)
    _write_card_file(folder / CARDS_FILE, references, artworks)
    built = build_indexes(folder, stored, exact, index, progress)
    names = (VECTORS_FILE, *built.files, CARDS_FILE, *([PICTURES_FILE] if second_looks else []))
    manifest = DatabaseManifest(
        name=title.name,
        version=title.version,
        space=model.space,
        model=f"{model.name} {model.version}",
        model_sha256=embedder.info.sha256,
        dim=model.dim,
        rows=len(stored),
        cards=cards,
        artworks=int(artworks.max()) + 1,
        dtype=work.dtype,
        index=built.annoy,
        lists=built.lists,
        search=built.search,
        accept=rule,
        files={name: describe_file(folder / name) for name in names},
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )
    write_json(folder / MANIFEST, sealed_document(manifest))
    return load_database_manifest(folder)


def _rule(
    folder: Path,
    gallery: Gallery,
    artworks: Artworks,
    embedder: Embedder,
    progress: Progress,
    *,
    second_looks: bool,
) -> AcceptRule:
    """Calibrate the accept rule, with second looks at the small pictures that are written before."""
    if not second_looks:
        return calibrate(gallery, artworks, embedder, SEED, progress)
    write_picture_file(folder / PICTURES_FILE, gallery, artworks, progress)
    with closing(open_pictures(folder / PICTURES_FILE, len(gallery.stored))) as stored:
        return calibrate(gallery, artworks, embedder, SEED, progress, stored)


def write_vectors(path: Path, work: WorkArea, rows: int, dim: int) -> Stored:
    """Write the vectors of all parts as one ``.npy`` file and map it.

    Written, not mapped for writing: on a full disk a mapped file ends the interpreter with SIGBUS.
    """
    parts = (work.load(number).vectors for number in range(work.finished_parts()))
    return write_rows(path, parts, rows, dim, work.dtype)


def write_rows(path: Path, parts: Iterable[Stored], rows: int, dim: int, dtype: Precision) -> Stored:
    """Write vectors that come in parts as one ``.npy`` file and map it."""
    kind = {"float16": "<f2", "float32": "<f4"}[dtype]
    with replacing(path) as temporary, temporary.open("wb") as file:
        header = {"descr": kind, "fortran_order": False, "shape": (rows, dim)}
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part, dtype=kind).tobytes())
    return np.asarray(np.load(path, mmap_mode="r" if rows else None))


def _write_card_file(path: Path, references: Sequence[Reference], artworks: Artworks) -> None:
    with replacing(path) as temporary:
        write_cards(temporary, stored_cards(references, artworks.tolist()))


def stored_cards(
    references: Sequence[Reference], artworks: Sequence[int], first_row: int = 0
) -> Iterator[StoredCard]:
    """Put consecutive views of one card together; rows count up from ``first_row``."""
    numbered = enumerate(zip(references, artworks, strict=True), start=first_row)
    for _, views in groupby(numbered, key=lambda each: each[1][0].card_id):
        (row, (first, artwork)), *more = views
        card = Card(first.card_id, first.name, artwork, first.metadata)
        yield StoredCard(row, card, first.image, tuple(each.image for _, (each, _) in more))


def _owners(references: Sequence[Reference]) -> NDArray[np.int64]:
    """Return for each row the number of its card."""
    ids = [each.card_id for each in references]
    begins = [before != own for before, own in zip([None, *ids], ids, strict=False)]
    return np.cumsum(begins, dtype=np.int64) - 1


def _labels(references: Sequence[Reference]) -> list[str]:
    """Return what views of one artwork share: the table's label, or the card's id."""
    return [each.art_group or f"card {each.card_id}" for each in references]


def _noted(rule: AcceptRule, limit: float, cards: int) -> AcceptRule:
    noted = {**rule.calibration, ARTWORK_COSINE: round(limit, 4), GALLERY: cards}
    return rule.model_copy(update={"calibration": noted})


def _tell(artworks: Artworks, owners: NDArray[np.int64], rule: AcceptRule, progress: Progress) -> None:
    _, first_rows = np.unique(owners, return_index=True)
    prints = np.bincount(artworks[first_rows])
    progress.note(f"{len(first_rows)} cards of {len(prints)} artworks; the largest has {prints.max()}")
    accepted = float(rule.calibration["accepted"])
    if accepted < _POOR:
        progress.note(
            f"warning: at the threshold that keeps strangers out, only {accepted:.0%} of simulated captures "
            "are accepted: this model tells these cards apart badly"
        )
