"""The report that is written with every build: ``report/`` with a page, a document and a table.

``index.html`` for people, ``report.json`` for programs, ``nearest.csv`` with every card's nearest reference.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cardscanner.files import replacing, write_json
from cardscanner.match.captures import CAPTURE
from cardscanner.match.database import Database, open_database
from cardscanner.match.health.closeness import NOBODY, Nearest
from cardscanner.match.health.examination import SEED, Health, cards_of, examine, quantiles
from cardscanner.match.health.report_page import write_page
from cardscanner.match.progress import Progress
from cardscanner.ports import Embedder
from cardscanner.records import Card

FOLDER = "report"


def report_on(folder: Path, pictures: Sequence[Path], embedder: Embedder, progress: Progress) -> None:
    """Examine a database that was built just now; it stays in its place whatever happens here."""
    with closing(open_database(folder)) as database:
        try:
            page = write_report(database, pictures, embedder, progress)
        except OSError as error:
            progress.note(f"the database is built, but its report could not be written: {error}")
        else:
            progress.note(f"health report: {page}")


def write_report(
    database: Database, pictures: Sequence[Path], embedder: Embedder, progress: Progress
) -> Path:
    """Examine a finished database and replace its report; ``pictures`` are the files behind its rows.

    Returns the path of the page. What cannot be read any more is reported, not raised.
    """
    cards = cards_of(database)
    health = examine(database, cards, pictures, embedder, progress)
    folder, fresh = database.folder / FOLDER, database.folder / f".{FOLDER}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    write_json(fresh / "report.json", _document(database, cards, health))
    _write_nearest(fresh / "nearest.csv", cards, health.nearest)
    write_page(fresh, database, cards, pictures, health)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.replace(folder)
    return folder / "index.html"


def _document(database: Database, cards: Sequence[Card], health: Health) -> dict[str, Any]:
    manifest, near = database.manifest, health.nearest
    other = near.artwork_cosine[near.artwork != NOBODY]
    return {
        "database": {"name": manifest.name, "version": manifest.version, "vectors_sha256": manifest.sha256},
        "model": manifest.model,
        "space": manifest.space,
        "cards": manifest.cards,
        "rows": manifest.rows,
        "artworks": manifest.artworks,
        "cosine": {
            "captures and their own reference": quantiles(health.same),
            "random pairs of different artworks": quantiles(health.random),
            "nearest reference of another artwork": quantiles(other),
        },
        "captures": {"cards": len(health.same), "seed": SEED, "strengths": str(CAPTURE)},
        "artwork_groups": [[cards[row].card_id for row in group] for group in health.groups],
        "doubtful": [
            {**asdict(each), "cards": [cards[row].card_id for row in each.rows]} for each in health.doubtful
        ],
        "search": manifest.search.model_dump(mode="json"),
        "accept": manifest.accept.model_dump(mode="json"),
    }


def _write_nearest(path: Path, cards: Sequence[Card], nearest: Nearest) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            ["row", "card_id", "nearest_card", "distance", "nearest_artwork", "distance_of_artwork"]
        )
        for row, card in enumerate(cards):
            table.writerow(
                [
                    row,
                    card.card_id,
                    *_named(cards, int(nearest.card[row]), float(nearest.card_cosine[row])),
                    *_named(cards, int(nearest.artwork[row]), float(nearest.artwork_cosine[row])),
                ]
            )


def _named(cards: Sequence[Card], row: int, cosine: float) -> tuple[str, str]:
    return ("", "") if row == NOBODY else (cards[row].card_id, f"{1 - cosine:.4f}")
