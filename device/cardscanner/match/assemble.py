"""From embedded references to the files of a database, its manifest last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

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
from cardscanner.match.progress import Progress
from cardscanner.match.unit_vectors import Stored
from cardscanner.match.work_area import WorkArea
from cardscanner.ports import Embedder
from cardscanner.records import Card

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
) -> DatabaseManifest:
    """Write all files of a database into the work area; ``references`` are those that have a vector."""
    folder = work.folder
    stored = write_vectors(folder / VECTORS_FILE, work, len(references), model.dim)
    exact = exact_index(stored)
    gallery = Gallery([each.path for each in references], stored, exact)
    limit = measure_artwork_limit(gallery, embedder, SEED, progress)
    artworks = join_artworks([each.art_group for each in references], stored, limit)
    rule = _noted(calibrate(gallery, artworks, embedder, SEED, progress), limit)
    _tell(artworks, rule, progress)
    _write_card_file(folder / CARDS_FILE, references, artworks)
    built = build_indexes(folder, stored, exact, index, progress)
    manifest = DatabaseManifest(
        name=title.name,
        version=title.version,
        space=model.space,
        model=f"{model.name} {model.version}",
        model_sha256=embedder.info.sha256,
        dim=model.dim,
        rows=len(stored),
        cards=len(references),
        artworks=int(artworks.max()) + 1,
        dtype="float16",
        index=built.annoy,
        lists=built.lists,
        search=built.search,
        accept=rule,
        files={name: describe_file(folder / name) for name in (VECTORS_FILE, *built.files, CARDS_FILE)},
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )
    write_json(folder / MANIFEST, sealed_document(manifest))
    return load_database_manifest(folder)


def write_vectors(path: Path, work: WorkArea, rows: int, dim: int) -> Stored:
    """Write the vectors of all parts as one ``.npy`` file and map it.

    Written, not mapped for writing: on a full disk a mapped file ends the interpreter with SIGBUS.
    """
    header = {"descr": "<f2", "fortran_order": False, "shape": (rows, dim)}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for number in range(work.finished_parts()):
            file.write(np.ascontiguousarray(work.load(number).vectors, dtype="<f2").tobytes())
    return np.asarray(np.load(path, mmap_mode="r"))


def _write_card_file(path: Path, references: Sequence[Reference], artworks: Artworks) -> None:
    cards = (
        StoredCard(row, Card(each.card_id, each.name, int(artworks[row]), each.metadata), each.image)
        for row, each in enumerate(references)
    )
    with replacing(path) as temporary:
        write_cards(temporary, cards)


def _noted(rule: AcceptRule, limit: float) -> AcceptRule:
    return rule.model_copy(update={"calibration": {**rule.calibration, "artwork_cosine": round(limit, 4)}})


def _tell(artworks: Artworks, rule: AcceptRule, progress: Progress) -> None:
    prints = np.bincount(artworks)
    progress.note(f"{len(artworks)} cards of {len(prints)} artworks; the largest has {prints.max()}")
    accepted = float(rule.calibration["accepted"])
    if accepted < _POOR:
        progress.note(
            f"warning: at the threshold that keeps strangers out, only {accepted:.0%} of simulated captures "
            "are accepted: this model tells these cards apart badly"
        )
