"""The page of the report, with pictures where a person would rather look than read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from cardscanner.errors import InputError
from cardscanner.match.database import Database
from cardscanner.match.health.closeness import NOBODY, Nearest
from cardscanner.match.health.doubtful import Doubtful
from cardscanner.match.health.examination import Health, quantiles
from cardscanner.match.health.histogram import histogram
from cardscanner.page import Page
from cardscanner.pictures import read_picture
from cardscanner.records import Card, Picture

_SHOWN = 40
_OF_ONE_GROUP = 8
_THUMB_PX = 180


def write_page(
    folder: Path, database: Database, cards: Sequence[Card], pictures: Sequence[Path], health: Health
) -> None:
    """Write ``index.html`` and its pictures into a folder."""
    manifest = database.manifest
    page = Page(folder, f"{manifest.name} {manifest.version}: how far to trust it")
    page.words(
        f"{manifest.cards} cards in {manifest.rows} pictures, {manifest.artworks} artworks; vectors of "
        f"{manifest.space} by {manifest.model}."
    )
    _judgement(page, database, health)
    page.heading("How alike things are")
    other = health.nearest.artwork_cosine[health.nearest.artwork != NOBODY]
    spread = {
        "captures, own reference": health.same,
        "random other artworks": health.random,
        "nearest other artwork": other,
    }
    page.svg(histogram(spread, -0.2, 1.0, "cosine"), "Captures should lie right of everything else's middle.")
    rows = [[name, *quantiles(each).values()] for name, each in spread.items() if len(each)]
    page.table(["cosine", *quantiles(health.same)], rows)
    _doubts(page, cards, pictures, health.doubtful)
    _close_strangers(page, cards, pictures, health.nearest)
    _artworks(page, cards, pictures, health.groups)
    page.write()


def _judgement(page: Page, database: Database, health: Health) -> None:
    rule, search = database.manifest.accept, database.manifest.search
    page.heading("What it answers")
    rows: list[list[object]] = [
        ["accepted from this margin", round(rule.threshold, 4)],
        ["references that look wrong", len(health.doubtful)],
        ["artworks that several cards carry", len(health.groups)],
    ]
    rows += [[f"calibration: {name.replace('_', ' ')}", value] for name, value in rule.calibration.items()]
    for backend, measured in search.measured.items():
        figures = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in measured.items())
        rows.append([f"index {backend}{', in use' if backend == search.backend else ''}", figures])
    page.table(["", ""], rows)


def _doubts(
    page: Page, cards: Sequence[Card], pictures: Sequence[Path], doubtful: Sequence[Doubtful]
) -> None:
    page.heading(f"References that look wrong: {len(doubtful)}")
    _cut(page, len(doubtful))
    page.gallery(
        [
            (
                f"{', '.join(cards[row].card_id for row in each.rows[:_OF_ONE_GROUP])}\n{each.what}",
                _thumbs(pictures, each.rows),
            )
            for each in doubtful[:_SHOWN]
        ]
    )


def _close_strangers(page: Page, cards: Sequence[Card], pictures: Sequence[Path], nearest: Nearest) -> None:
    page.heading("Different artworks that lie closest")
    order = np.argsort(-nearest.artwork_cosine, kind="stable")
    shown: dict[frozenset[str], tuple[str, list[Picture]]] = {}
    for row in (int(each) for each in order if nearest.artwork[each] != NOBODY):
        other = int(nearest.artwork[row])
        pair = frozenset((cards[row].card_id, cards[other].card_id))
        if pair not in shown:
            distance = 1 - float(nearest.artwork_cosine[row])
            words = f"{cards[row].card_id} and {cards[other].card_id}\ndistance {distance:.3f}"
            shown[pair] = words, _thumbs(pictures, (row, other))
        if len(shown) == _SHOWN // 2:
            break
    page.gallery(list(shown.values()))


def _artworks(
    page: Page, cards: Sequence[Card], pictures: Sequence[Path], groups: Sequence[Sequence[int]]
) -> None:
    page.heading(f"Too close to tell apart by the picture alone: {len(groups)} artworks")
    page.words(
        "Prints that share a picture are answered as one artwork first, then told apart or called ambiguous."
    )
    _cut(page, len(groups))
    page.gallery(
        [
            (
                f"{len(group)} cards: {', '.join(cards[row].card_id for row in group[:_OF_ONE_GROUP])}",
                _thumbs(pictures, group),
            )
            for group in groups[:_SHOWN]
        ]
    )


def _cut(page: Page, count: int) -> None:
    if count > _SHOWN:
        page.words(f"The first {_SHOWN} are shown; report.json has all.")


def _thumbs(pictures: Sequence[Path], rows: Sequence[int]) -> list[Picture]:
    shown = []
    for row in rows[:_OF_ONE_GROUP]:
        try:
            picture = read_picture(pictures[row])
        except InputError:
            continue
        width = max(1, round(_THUMB_PX * picture.shape[1] / picture.shape[0]))
        shown.append(
            np.asarray(cv2.resize(picture, (width, _THUMB_PX), interpolation=cv2.INTER_AREA), np.uint8)
        )
    return shown
