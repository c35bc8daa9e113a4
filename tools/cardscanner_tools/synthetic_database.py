"""A finished database of synthetic vectors, with the indexes that are asked for: what benches open."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cardscanner.files import write_json
from cardscanner.manifest import (
    AcceptRule,
    DatabaseManifest,
    describe_file,
    load_database_manifest,
    sealed_document,
)
from cardscanner.match.card_store import CARDS_FILE, StoredCard, write_cards
from cardscanner.match.database import VECTORS_FILE
from cardscanner.match.exact import exact_index
from cardscanner.match.index_choice import Built, Wanted, build_indexes, chosen
from cardscanner.match.progress import Progress
from cardscanner.records import Card
from cardscanner_tools.index_vectors import write_vectors

SEED = 5


def synthetic_database(folder: Path, rows: int, dim: int, space: str = "synthetic") -> DatabaseManifest:
    """Write a finished database whose index was chosen by measuring."""
    write_contents(folder, "clustered", rows, dim)
    return seal(folder, [build_one(folder, "auto")], space)


def write_contents(folder: Path, shape: str, rows: int, dim: int) -> None:
    """Write vectors and cards."""
    folder.mkdir(parents=True)
    write_vectors(folder / VECTORS_FILE, shape, rows, dim, SEED)
    write_cards(folder / CARDS_FILE, (_card(row) for row in range(rows)))


def build_one(folder: Path, wanted: Wanted) -> Built:
    """Build and measure one kind of index over the vectors in a folder."""
    stored = np.asarray(np.load(folder / VECTORS_FILE, mmap_mode="r"))
    return build_indexes(folder, stored, exact_index(stored), wanted, Progress(sys.stderr))


def seal(folder: Path, built: Sequence[Built], space: str = "synthetic") -> DatabaseManifest:
    """Write the manifest over all indexes that were built; the meant one is chosen among them."""
    rows, dim = np.load(folder / VECTORS_FILE, mmap_mode="r").shape
    names = (VECTORS_FILE, CARDS_FILE, *(name for each in built for name in each.files))
    manifest = DatabaseManifest(
        name="bench",
        version="1",
        space=space,
        model="none",
        model_sha256="0" * 64,
        dim=dim,
        rows=rows,
        cards=rows,
        artworks=rows,
        dtype="float16",
        index=next((each.annoy for each in built if each.annoy), None),
        lists=next((each.lists for each in built if each.lists), None),
        search=chosen({name: found for each in built for name, found in each.search.measured.items()}),
        accept=AcceptRule(threshold=0.2, print_gap=0.02),
        files={name: describe_file(folder / name) for name in names},
        created="2026-01-01T00:00:00Z",
    )
    write_json(folder / "manifest.json", sealed_document(manifest))
    return load_database_manifest(folder)


def _card(row: int) -> StoredCard:
    metadata = {"set": f"set{row // 180}", "number": str(row % 180), "rarity": "Rare Holo", "lang": "en"}
    card = Card(f"set{row // 180}-{row % 180}", f"Some creature {row % 900}", row, metadata)
    return StoredCard(row, card, f"references/{card.card_id}.jpg")
