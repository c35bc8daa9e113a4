"""From embedded references to the files of a database, its manifest last."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from cardscanner.files import replacing, write_json
from cardscanner.manifest import (
    MANIFEST,
    AcceptRule,
    DatabaseManifest,
    IndexSpec,
    ModelManifest,
    describe_file,
    load_database_manifest,
    sealed_document,
)
from cardscanner.match.annoy_index import INDEX_FILE, map_forest, write_forest
from cardscanner.match.artworks import Artworks, join_artworks
from cardscanner.match.calibrate import calibrate, measure_artwork_limit
from cardscanner.match.card_store import CARDS_FILE, StoredCard, write_cards
from cardscanner.match.card_table import Reference
from cardscanner.match.database import VECTORS_FILE
from cardscanner.match.exact import ExactIndex, exact_index
from cardscanner.match.gallery import Gallery
from cardscanner.match.looks import write_picture_file
from cardscanner.match.progress import Progress
from cardscanner.match.search_effort import TOP, choose_effort
from cardscanner.match.selftest import self_test
from cardscanner.match.unit_vectors import Stored
from cardscanner.match.work_area import WorkArea
from cardscanner.ports import Embedder
from cardscanner.records import Card
from cardscanner.verify.stored import PICTURES_FILE, open_pictures

TREES = 50
SEED = 2026
DATA_FILES = (VECTORS_FILE, INDEX_FILE, CARDS_FILE, PICTURES_FILE)
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
    *,
    pictures: bool = True,
) -> DatabaseManifest:
    """Write all files of a database into the work area; ``references`` are those that have a vector.

    Without ``pictures`` its candidates cannot be looked at again.
    """
    folder = work.folder
    stored = write_vectors(folder / VECTORS_FILE, work, len(references), model.dim)
    exact = exact_index(stored)
    gallery = Gallery([each.path for each in references], stored, exact)
    limit = measure_artwork_limit(gallery, embedder, SEED, progress)
    artworks = join_artworks([each.art_group for each in references], stored, limit)
    rule = _noted(_rule(folder, gallery, artworks, embedder, progress, pictures=pictures), limit)
    _tell(artworks, rule, progress)
    _write_card_file(folder / CARDS_FILE, references, artworks)
    progress.note(f"building the index over {len(stored)} vectors")
    index = write_index(folder / INDEX_FILE, stored, exact)
    names = DATA_FILES if pictures else DATA_FILES[:-1]
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
        index=index,
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
    pictures: bool,
) -> AcceptRule:
    """Calibrate the accept rule, with second looks at the small pictures that are written before."""
    if not pictures:
        return calibrate(gallery, artworks, embedder, SEED, progress)
    write_picture_file(folder / PICTURES_FILE, gallery, artworks, progress)
    with closing(open_pictures(folder / PICTURES_FILE, len(gallery.stored))) as stored:
        return calibrate(gallery, artworks, embedder, SEED, progress, stored)


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


def write_index(path: Path, stored: Stored, exact: ExactIndex) -> IndexSpec:
    """Write the Annoy file, find the effort it needs, and prove both."""
    with replacing(path) as temporary:
        write_forest(stored, temporary, TREES, SEED)
    index = map_forest(path, stored.shape[1], len(stored), TREES, search_k=1)
    try:
        effort = choose_effort(index, exact, stored, TREES, SEED)
        self_test(index.searching(effort.search_k), exact, stored)
    finally:
        index.close()
    measured: dict[str, float | int] = {
        "hard_queries": effort.queries,
        "recall_1": round(effort.recall_1, 5),
        f"recall_{TOP}": round(effort.recall_top, 5),
    }
    return IndexSpec(trees=TREES, search_k=effort.search_k, seed=SEED, measured=measured)


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
