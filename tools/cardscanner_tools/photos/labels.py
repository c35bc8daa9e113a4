"""Labels of real photographs: ``photos.csv`` and ``not_cards.csv`` of a data folder."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cardscanner.errors import InputError
from cardscanner.records import Corners

Level = Literal["exact", "same_art", "unknown"]
_LEVELS: dict[str, Level] = {"exact": "exact", "same_art": "same_art", "unknown": "unknown"}
_PHOTO_COLUMNS = {
    "item", "file", "quad", "quad_annotated", "level", "card_ids", "same_art_ids", "lang", "tags",
    "use_for_recognition",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class LabelledCard:
    """One labelled card in a photograph."""

    item: str
    corners: Corners
    oriented: bool
    """Whether the corners begin at the top left of the *upright* card (else at the smallest x + y)."""
    level: Level
    card_ids: frozenset[str]
    """Right answers of the exact print."""
    art_ids: frozenset[str]
    """Every reference with the same illustration, the exact prints included."""
    lang: str
    tags: tuple[str, ...]
    for_recognition: bool
    annotated: Corners | None = None
    """(4, 2) the outline that a person drew, in no certain order, where there is one; the best truth for
    finding, while :attr:`corners` may come from a fit to the reference picture."""

    @property
    def box_only(self) -> bool:
        """Whether the outline is an upright box around the card, not the card's own corners."""
        return "axis_aligned_box" in self.tags


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPhoto:
    """One photograph and what is known about it."""

    path: Path
    cards: tuple[LabelledCard, ...]
    origin: str = ""
    """Whose photograph it is: the collection's name."""


def read_photos(data: Path) -> list[LabelledPhoto]:
    """Return the labelled photographs in the order of the table."""
    photos: dict[str, list[LabelledCard]] = {}
    origins: dict[str, str] = {}
    for row in _rows(data / "photos.csv", _PHOTO_COLUMNS):
        photos.setdefault(row["file"], [])
        origins[row["file"]] = row.get("origin", "").split("/")[0]
        if row["quad"] or row["quad_annotated"]:
            photos[row["file"]].append(_card(row))
    return [LabelledPhoto(data / file, tuple(cards), origins[file]) for file, cards in photos.items()]


def read_not_cards(data: Path) -> list[tuple[Path, str]]:
    """Return pictures without any card of the game, and what they show: ``object`` or ``playing_card``."""
    return [(data / row["file"], row["kind"]) for row in _rows(data / "not_cards.csv", {"file", "kind"})]


def _card(row: dict[str, str]) -> LabelledCard:
    exact = frozenset(row["card_ids"].split())
    level = _LEVELS.get(row["level"])
    if level is None:
        raise InputError(
            f"photos.csv, item {row['item']}: level {row['level']!r}; allowed: {', '.join(_LEVELS)}"
        )
    return LabelledCard(
        item=row["item"],
        corners=_corners(row, row["quad"] or row["quad_annotated"]),
        oriented=bool(row["quad"]),
        level=level,
        card_ids=exact if level == "exact" else frozenset(),
        art_ids=exact | frozenset(row["same_art_ids"].split()),
        lang=row["lang"] or "?",
        tags=tuple(tag for tag in row["tags"].split(",") if tag),
        for_recognition=row["use_for_recognition"] == "1",
        annotated=_corners(row, row["quad_annotated"]) if row["quad_annotated"] else None,
    )


def _corners(row: dict[str, str], text: str) -> Corners:
    try:
        corners = np.array([float(value) for value in text.split()], np.float32).reshape(4, 2)
    except ValueError:
        corners = np.full((4, 2), np.nan, np.float32)
    if not np.isfinite(corners).all():
        raise InputError(f"photos.csv, item {row['item']}: quad {text!r}; allowed: x y of four corners")
    return corners


def _rows(path: Path, needed: set[str]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = needed - set(reader.fieldnames or ())
            if missing:
                raise InputError(f"{path}: the columns {', '.join(sorted(missing))} are missing")
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read: {error}; give the data folder with --data") from error
