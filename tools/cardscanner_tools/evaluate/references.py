"""The real references that photographs are searched in, and the database that the product has of them."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import InputError
from cardscanner.manifest import AcceptRule, load_model_manifest
from cardscanner.match import open_database
from cardscanner.match.build import build_database
from cardscanner.match.card_table import Reference, read_source
from cardscanner.pictures import read_picture
from cardscanner.records import Card, Picture
from cardscanner.rectify import rectify, whole_picture_corners
from cardscanner_tools.evaluate.ranking import Labels
from cardscanner_tools.evaluate.readings import Crops
from cardscanner_tools.photos.labels import LabelledPhoto, read_photos

CORE = "en_core"
QUICK_PHOTOS = 24
QUICK_REFERENCES = 150


@dataclass(frozen=True, slots=True, eq=False)
class RealReferences:
    """References in the order of the table, with the artworks of the database."""

    references: Sequence[Reference]
    cards: Sequence[Card]
    artworks: Labels

    @classmethod
    def of(cls, references: Sequence[Reference], database: Path) -> RealReferences:
        """Take the artwork of each reference from the database; what it does not hold is left out."""
        with closing(open_database(database)) as opened:
            pairs = [
                (each, opened.card_of(row))
                for each in references
                if (row := opened.row_of(each.card_id)) is not None
            ]
        if not pairs:
            raise InputError(
                f"{database} holds none of the references: give the database that was built of them"
            )
        cards = [card for _, card in pairs]
        return cls([each for each, _ in pairs], cards, np.array([card.artwork for card in cards], np.int64))

    @property
    def paths(self) -> dict[str, Path]:
        """Picture of each card."""
        return {each.card_id: each.path for each in self.references}

    def rows(self, gallery: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the rows of one gallery: ``all``, or a value of the table's column ``gallery``."""
        return np.array(
            [
                row
                for row, each in enumerate(self.references)
                if gallery in ("all", each.metadata.get("gallery"))
            ],
            dtype=np.int64,
        )

    def crops(self) -> Crops:
        """Return the references as the database cuts them."""
        names = "\n".join(f"{each.card_id} {each.path.stat().st_size}" for each in self.references)
        key = f"references-{hashlib.sha256(names.encode()).hexdigest()[:16]}"

        def crop(number: int, height: int, width: int) -> Picture:
            picture = read_picture(self.references[number].path)
            return rectify(picture, whole_picture_corners(picture), height, width)

        return Crops(key, len(self.references), crop)


Real = tuple[Path, RealReferences, AcceptRule]
"""Database folder, its references, and the rule that it carries."""


def choose(data: Path, *, quick: bool) -> tuple[list[LabelledPhoto], list[Reference]]:
    """Return photographs and references: all, or with ``quick`` a few photographs and what they need."""
    photos, references = read_photos(data), read_source(data / "references.csv")
    if not quick:
        return photos, references
    known = [each for each in photos if any(card.art_ids for card in each.cards)]
    others = [each for each in photos if not any(card.art_ids for card in each.cards)]
    photos = [part for half in (known, others) for part in half[:: max(1, 2 * len(half) // QUICK_PHOTOS)]]
    right = {name for photo in photos for card in photo.cards for name in card.art_ids}
    needed = [each for each in references if each.card_id in right]
    rest = [each for each in references if each.card_id not in right]
    return photos, needed + rest[:: max(1, len(rest) // QUICK_REFERENCES)]


def reference_database(given: Path | None, out: Path, references: Sequence[Reference], model: Path) -> Path:
    """Return the given database, or build one of the references in ``out`` (kept from run to run)."""
    if given is not None:
        return given
    manifest = load_model_manifest(model)
    folder = out / f"db-{manifest.space}-{len(references)}"
    if not (folder / "manifest.json").is_file():
        out.mkdir(parents=True, exist_ok=True)
        table = out / f"references-{len(references)}.csv"
        _write_table(table, references)
        with closing(load_embedder(OnnxConfig(backend="onnx", model=model))) as embedder:
            build_database(table, folder, embedder, manifest)
    return folder


def _write_table(path: Path, references: Sequence[Reference]) -> None:
    columns = sorted({key for each in references for key in each.metadata})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["card_id", "file", "name", *columns])
        for each in references:
            metadata: Mapping[str, str] = each.metadata
            cells = [metadata.get(column, "") for column in columns]
            writer.writerow([each.card_id, each.path.resolve(), each.name, *cells])
