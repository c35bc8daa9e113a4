"""How well cards are found on real photographs: share found, corner error, false quads, time.

    cardscanner-tools eval-finder --data ../shared/data --out out/eval-finder

A card counts as found at a level when the overlap (intersection over union) of the best quad with its label
reaches it. Labels that are only boxes are compared with the box around the quad and tell no corner error. The
finder's scores may have been fitted to the part ``fit`` of the photographs and never to the part ``held-out``
(``photos/parts.py``); ``other`` are collections that may only be measured. Writes ``eval-finder.json`` and a
page that shows every failure: labels green, quads red.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from importlib.resources import files
from pathlib import Path

from tqdm import tqdm

from cardscanner.config import FinderConfig
from cardscanner.detect import open_finder
from cardscanner.files import write_json
from cardscanner.manifest import load_finder_manifest
from cardscanner.page import Page, outlined
from cardscanner.pictures import read_picture
from cardscanner.records import Picture
from cardscanner_tools.finder.assessment import (
    Assessment,
    Figures,
    assess,
    false_figures,
    finding_figures,
    finding_groups,
    picture_groups,
    time_figures,
)
from cardscanner_tools.finder.truth import Truth
from cardscanner_tools.photos.labels import LabelledPhoto, read_not_cards, read_photos

_LABEL, _FOUND = (60, 200, 90), (230, 60, 50)
_GOOD = 0.75
_MAX_CARDS = 100

_Document = dict[str, dict[str, Figures]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("--data", type=Path, required=True, help="folder with photos.csv and not_cards.csv")
    parser.add_argument("--out", type=Path, default=Path("out/eval-finder"), help="report folder")
    parser.add_argument("--finder", choices=["contours", "corners"], default="contours")
    parser.add_argument("--model", type=Path, help="corners: folder of the network")
    parser.add_argument("--effort", choices=["live", "thorough"], default="thorough")
    parser.add_argument("--min-confidence", type=float, default=FinderConfig().min_confidence)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Find, compare, print, and write the report."""
    config = FinderConfig(
        backend=options.finder,
        model=options.model,
        effort=options.effort,
        min_confidence=options.min_confidence,
        max_cards=_MAX_CARDS,
    )
    finder = open_finder(config)
    photos = [
        assess(photo, photo.origin, finder, config)
        for photo in tqdm(read_photos(options.data), desc="photos", mininterval=2)
    ]
    others = [
        assess(LabelledPhoto(path, ()), kind, finder, config)
        for path, kind in tqdm(read_not_cards(options.data), desc="not cards", mininterval=2)
    ]
    document = _document(config, photos, others)
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(options.out / "eval-finder.json", document)
    page = _page(options.out, document, photos, others)
    print(json.dumps(document, indent=2) if options.json else _words(document))
    print(f"report: {page}   figures: {options.out / 'eval-finder.json'}")
    return 0


def _document(config: FinderConfig, photos: list[Assessment], others: list[Assessment]) -> _Document:
    pictures = {
        **picture_groups(photos, lambda _: "labelled photos"),
        **picture_groups(others, lambda each: f"no cards: {each.source}"),
    }
    return {
        "finder": {
            "used": {
                "effort": config.effort,
                "min_confidence": config.min_confidence,
                "backend": config.backend,
                "weights_sha256": _weights_sha256(config),
            }
        },
        "cards": {name: finding_figures(part) for name, part in finding_groups(photos).items()},
        "false_quads": {name: false_figures(part) for name, part in pictures.items()},
        "time": {"all pictures": time_figures([*photos, *others])},
    }


def _weights_sha256(config: FinderConfig) -> str:
    if config.model is not None:
        return load_finder_manifest(config.model).files["corners.onnx"].sha256
    return hashlib.sha256(files("cardscanner.detect").joinpath("weights.json").read_bytes()).hexdigest()


def _words(document: _Document) -> str:
    lines = [", ".join(f"{name}: {value}" for name, value in document["finder"]["used"].items())]
    for title in ("cards", "false_quads", "time"):
        head, *rows = _table(document[title])
        widths = [max(8, len(str(name)) + 2) for name in head[1:]]
        lines.append("")
        for name, *values in [head, *rows]:
            cells = (f"{_cell(value):>{width}}" for value, width in zip(values, widths, strict=True))
            lines.append(f"{str(name)[:52]:54}" + "".join(cells))
    return "\n".join(lines)


def _table(rows: dict[str, Figures]) -> list[list[object]]:
    columns = list(next(iter(rows.values())))
    body: list[list[object]] = [[name, *figures.values()] for name, figures in rows.items()]
    return [["", *columns], *body]


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _page(out: Path, document: _Document, photos: list[Assessment], others: list[Assessment]) -> Path:
    page = Page(out, "Finding cards")
    page.words(", ".join(f"{name}: {value}" for name, value in document["finder"]["used"].items()))
    for title in ("cards", "false_quads", "time"):
        head, *rows = _table(document[title])
        page.heading(title.replace("_", " ").capitalize())
        page.table([str(cell) for cell in head], rows)
    failures = {
        f"A card not found at an overlap of {_GOOD}": [each for each in photos if _missed(each)],
        "A quad where no card is labelled": [each for each in photos if each.false_quads],
        "A quad on something that is no card": [each for each in others if each.false_quads],
    }
    for title, failed in failures.items():
        page.heading(f"{title}: {len(failed)} pictures")
        page.gallery([(_caption(each), [_drawn(each)]) for each in failed])
    return page.write()


def _missed(assessment: Assessment) -> bool:
    return any(each.overlap < _GOOD for each in assessment.findings)


def _caption(assessment: Assessment) -> str:
    words = [f"{assessment.path.name}, {assessment.source}, {assessment.part}"]
    words += [
        f"{each.label.item}: overlap {each.overlap:.2f}, {' '.join(each.label.tags)}"
        for each in assessment.findings
        if each.overlap < _GOOD
    ]
    words.append("quads: " + (" ".join(f"{quad.confidence:.2f}" for quad in assessment.quads) or "none"))
    return "\n".join(words)


def _drawn(assessment: Assessment) -> Picture:
    labels = [(Truth.of_label(each.label).corners, _LABEL) for each in assessment.findings]
    found = [(quad.corners, _FOUND) for quad in assessment.quads]
    return outlined(read_picture(assessment.path), [*labels, *found])
