"""Small reference databases for tests: really built, in a second."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from drawn_cards import write_cards
from projecting import ProjectingEmbedder, projecting_manifest

from cardscanner.files import write_json
from cardscanner.manifest import AcceptRule, DatabaseManifest, describe_file, sealed_document
from cardscanner.match.annoy_index import INDEX_FILE
from cardscanner.match.assemble import write_index
from cardscanner.match.build import BuildReport, build_database
from cardscanner.match.card_store import CARDS_FILE, StoredCard
from cardscanner.match.card_store import write_cards as write_cards_file
from cardscanner.match.database import VECTORS_FILE
from cardscanner.match.exact import exact_index
from cardscanner.match.progress import Progress
from cardscanner.records import Card, Vectors


def build_quietly(source: Path, out: Path, dim: int = 128, **options) -> BuildReport:
    """Build with the projecting embedder; what it says goes nowhere."""
    embedder = options.pop("embedder", None) or ProjectingEmbedder(dim)
    options.setdefault("progress", Progress(io.StringIO()))
    options.setdefault("pictures", False)  # they take ten seconds; tests of second looks ask for them
    return build_database(source, out, embedder, projecting_manifest(embedder), **options)


def small_database(folder: Path, cards: int = 40, dim: int = 128) -> Path:
    """Draw cards and build a database of them."""
    out = folder / "db"
    build_quietly(write_cards(folder / "cards", cards), out, dim)
    return out


def random_units(count: int, dim: int, seed: int = 0) -> Vectors:
    """Return unit vectors in random directions."""
    vectors = np.random.default_rng(seed).standard_normal((count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def database_of(folder: Path, vectors: Vectors, artworks: list[int] | None = None) -> Path:
    """Write a database folder around given unit vectors, one card each: card-0, card-1, ..."""
    folder.mkdir(parents=True)
    np.save(folder / VECTORS_FILE, vectors.astype(np.float16))
    stored = np.load(folder / VECTORS_FILE)
    index = write_index(folder / INDEX_FILE, stored, exact_index(stored))
    groups = artworks or list(range(len(vectors)))
    cards = (
        StoredCard(row, Card(f"card-{row}", f"Card {row}", groups[row], {"set": "one"}), f"{row}.png")
        for row in range(len(vectors))
    )
    write_cards_file(folder / CARDS_FILE, cards)
    files = {name: describe_file(folder / name) for name in (VECTORS_FILE, INDEX_FILE, CARDS_FILE)}
    manifest = DatabaseManifest(
        name="given",
        version="1",
        space="given",
        model="none 1",
        model_sha256="0" * 64,
        dim=vectors.shape[1],
        rows=len(vectors),
        cards=len(vectors),
        artworks=len(set(groups)),
        dtype="float16",
        index=index,
        accept=AcceptRule(threshold=0.2, print_gap=0.02),
        files=files,
        created="2026-11-22T00:00:00Z",
    )
    write_json(folder / "manifest.json", sealed_document(manifest))
    return folder
