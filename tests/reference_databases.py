"""Small reference databases for tests: really built, in a second."""

from __future__ import annotations

import io
from contextlib import closing
from pathlib import Path

import numpy as np
from drawn_cards import write_cards
from projecting import ProjectingEmbedder, projecting_manifest

from cardscanner.files import write_json
from cardscanner.manifest import AcceptRule, DatabaseManifest, describe_file, sealed_document
from cardscanner.match.build import BuildReport, build_database
from cardscanner.match.card_rows import Reference
from cardscanner.match.card_store import CARDS_FILE, StoredCard
from cardscanner.match.card_store import write_cards as write_cards_file
from cardscanner.match.change import remove_cards
from cardscanner.match.database import VECTORS_FILE, open_database
from cardscanner.match.delta import NewCards, write_change
from cardscanner.match.exact import exact_index
from cardscanner.match.index_choice import Wanted, build_indexes
from cardscanner.match.progress import Progress
from cardscanner.records import Card, Vectors
from cardscanner.verify.stored import HEIGHT_PX, PICTURES_FILE, WIDTH_PX, Entry
from cardscanner.verify.storing import encode_grey, write_entries


def build_quietly(source: Path, out: Path, dim: int = 128, **options) -> BuildReport:
    """Build with the projecting embedder; what it says goes nowhere."""
    embedder = options.pop("embedder", None) or ProjectingEmbedder(dim)
    options.setdefault("progress", Progress(io.StringIO()))
    options.setdefault("second_looks", False)  # they take ten seconds; tests of second looks ask for them
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


def plain_entry(row: int) -> Entry:
    """What a database stores of an all grey picture."""
    picture = np.full((HEIGHT_PX, WIDTH_PX), row % 256, dtype=np.uint8)
    return Entry(encode_grey(picture), np.zeros(88, np.uint8), np.zeros(352, np.uint8))


def changed_database_of(
    folder: Path, vectors: Vectors, index: Wanted = "auto", *, pictures: bool = False
) -> Path:
    """Write a database that holds just these vectors, card-0, card-1, ..., after changes.

    Its base had the first two thirds (at least one) and as many cards that were removed; the rest was added.
    """
    count, dim = vectors.shape
    kept = max(1, count * 2 // 3)
    base = np.concatenate([vectors[:kept], random_units(kept, dim, seed=99)])
    database_of(folder, base, index=index, pictures=pictures)
    remove_cards(folder, [f"card-{row}" for row in range(kept, 2 * kept)])
    if kept < count:
        later = [Reference(f"card-{row}", f"Card {row}", Path(), f"{row}.png") for row in range(kept, count)]
        with closing(open_database(folder)) as database:
            entries = [plain_entry(row) for row in range(kept, count)] if pictures else []
            new = NewCards(later, vectors[kept:].astype(np.float16), entries=entries)
            write_change(database, new, ())
    return folder


def database_of(
    folder: Path,
    vectors: Vectors,
    artworks: list[int] | None = None,
    index: Wanted = "auto",
    *,
    pictures: bool = False,
) -> Path:
    """Write a database folder around given unit vectors, one card each: card-0, card-1, ..."""
    folder.mkdir(parents=True)
    np.save(folder / VECTORS_FILE, vectors.astype(np.float16))
    stored = np.load(folder / VECTORS_FILE)
    built = build_indexes(folder, stored, exact_index(stored), index, Progress(io.StringIO()))
    groups = artworks or list(range(len(vectors)))
    cards = (
        StoredCard(row, Card(f"card-{row}", f"Card {row}", groups[row], {"set": "one"}), f"{row}.png")
        for row in range(len(vectors))
    )
    write_cards_file(folder / CARDS_FILE, cards)
    names = [VECTORS_FILE, *built.files, CARDS_FILE]
    if pictures:
        write_entries(folder / PICTURES_FILE, map(plain_entry, range(len(vectors))), len(vectors))
        names.append(PICTURES_FILE)
    files = {name: describe_file(folder / name) for name in names}
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
        index=built.annoy,
        lists=built.lists,
        search=built.search,
        accept=AcceptRule(threshold=0.2, print_gap=0.02),
        files=files,
        created="2026-11-22T00:00:00Z",
    )
    write_json(folder / "manifest.json", sealed_document(manifest))
    return folder
