"""How good the scanner is on real photographs, honestly counted.

    cardscanner-tools evaluate-photos --data ../shared/data --db out/references

Every photograph goes the product's own road (find, rectify, embed, search, accept rule). A card that is not
found counts as wrong. The same crops go through perceptual hashes, and everything is repeated with the
labelled outlines, to tell the finder's errors from the embedder's. Pictures of shop goods and playing cards
must not be accepted at all. Nothing is tuned here: the accept rule is the database's.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from cardscanner.config import IndexConfig, OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.files import write_json
from cardscanner.manifest import load_model_manifest
from cardscanner.match.build import build_database
from cardscanner.page import Page
from cardscanner.rooms import Rooms, open_rooms
from cardscanner.shipped import photo_finder, shipped_model
from cardscanner_tools.photos.evaluation import (
    HashGallery,
    Outcome,
    evaluate_photo,
    found_quads,
    labelled_quads,
)
from cardscanner_tools.photos.figures import Figures, accepted, figures_of, groups, is_failure, without_looks
from cardscanner_tools.photos.labels import LabelledPhoto, read_not_cards, read_photos
from cardscanner_tools.photos.parts import part_of
from cardscanner_tools.photos.showing import caption, pictures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with photos.csv, references.csv, ..."
    )
    parser.add_argument("--db", type=Path, help="database of the references (default: built into OUT/db)")
    parser.add_argument("--model", type=Path, help="model folder (default: the shipped one)")
    parser.add_argument("--finder", choices=["contours", "corners"], default="corners")
    parser.add_argument("--out", type=Path, default=Path("out/evaluate-photos"), help="report folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Evaluate, print, and write the report."""
    embedder = OnnxConfig(backend="onnx", model=options.model or shipped_model(), threads=options.threads)
    database = options.db or _build(options, embedder)
    finder = photo_finder(options.finder)
    photos = read_photos(options.data)
    references = _references(options.data)
    with open_rooms(finder, embedder, IndexConfig(database=database)) as rooms:
        info = rooms.embedder.info
        hashes = HashGallery.of(list(references.items()), info.height, info.width)
        found = _outcomes(photos, rooms, hashes, labelled=False)
        given = _outcomes(photos, rooms, hashes, labelled=True)
        others = _others(options.data, rooms, hashes)
        sources = {photo.path: photo.origin for photo in photos}
        document = _document(rooms, found, given, others)
        document["end_to_end_parts"] = {
            **_parts(found, sources),
            **{
                f"{name}, vectors alone": each for name, each in _parts(without_looks(found), sources).items()
            },
        }
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(options.out / "figures.json", document)
    page = _page(options.out, document, found, references)
    print(json.dumps(document, indent=2) if options.json else _words(document))
    print(f"report: {page}   figures: {options.out / 'figures.json'}")
    return 0


def _build(options: argparse.Namespace, embedder: OnnxConfig) -> Path:
    out = Path(options.out) / "db"
    if not (out / "manifest.json").is_file():
        out.parent.mkdir(parents=True, exist_ok=True)
        with closing(load_embedder(embedder)) as network:
            build_database(options.data / "references.csv", out, network, load_model_manifest(embedder.model))
    return out


def _references(data: Path) -> dict[str, Path]:
    with (data / "references.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["card_id"]: data / row["file"] for row in csv.DictReader(file)}


def _outcomes(
    photos: Sequence[LabelledPhoto], rooms: Rooms, hashes: HashGallery, *, labelled: bool
) -> list[Outcome]:
    finder = labelled_quads if labelled else found_quads(rooms)
    what = "labelled outlines" if labelled else "end to end"
    return [
        outcome
        for photo in tqdm(photos, desc=what, mininterval=2)
        for outcome in evaluate_photo(photo, rooms, hashes, finder)
        if outcome.label is None or outcome.label.for_recognition
    ]


def _others(data: Path, rooms: Rooms, hashes: HashGallery) -> dict[str, dict[str, int]]:
    """Pictures without a card of the game: how many, and how many have anything accepted in them."""
    counts: dict[str, dict[str, int]] = {}
    finder = found_quads(rooms)
    for path, kind in tqdm(read_not_cards(data), desc="not cards", mininterval=2):
        outcomes = list(evaluate_photo(LabelledPhoto(path, ()), rooms, hashes, finder))
        count = counts.setdefault(kind, {"pictures": 0, "quads": 0, "with_false_accept": 0})
        count["pictures"] += 1
        count["quads"] += len(outcomes)
        count["with_false_accept"] += any(accepted(each) for each in outcomes)
    return counts


def _document(
    rooms: Rooms, found: list[Outcome], given: list[Outcome], others: dict[str, dict[str, int]]
) -> dict[str, object]:
    labelled = [each for each in found if each.label]
    return {
        "model": f"{rooms.model.name} {rooms.model.version}",
        "model_sha256": rooms.embedder.info.sha256,
        "database": rooms.database.manifest.name,
        "database_sha256": rooms.database.manifest.sha256,
        "cards_in_database": rooms.database.manifest.cards,
        "accept": rooms.database.manifest.accept.model_dump(mode="json"),
        "end_to_end": figures_of(labelled),
        "labelled_outlines": figures_of(given),
        "end_to_end, vectors alone": figures_of(without_looks(labelled)),
        "labelled_outlines, vectors alone": figures_of(without_looks(given)),
        "end_to_end_groups": {name: figures_of(part) for name, part in groups(labelled).items()},
        "accepted_where_nothing_is_labelled": sum(accepted(each) for each in found if each.label is None),
        "not_cards": others,
    }


def _parts(found: list[Outcome], sources: dict[Path, str]) -> dict[str, Figures]:
    """Sort cards by whether finders may have learnt from their photograph, see :mod:`photos.parts`."""
    parts: dict[str, list[Outcome]] = {}
    for each in found:
        if each.label is not None:
            parts.setdefault(f"part {part_of(each.photo, sources[each.photo])}", []).append(each)
    return {name: figures_of(outcomes) for name, outcomes in sorted(parts.items())}


_COLUMNS = ("cards", "found", "known", "art_top1", "art_top5", "exact_cards", "exact_top1", "print_right",
            "print_wrong", "accepted_right",
            "wrong_accepts", "unknown", "false_accepts", "phash64_art_top1", "phash256_art_top1")  # fmt: skip


def _table(document: dict[str, object]) -> list[list[object]]:
    rows: dict[str, Figures] = {
        "end to end": document["end_to_end"],  # type: ignore[dict-item]
        "... vectors alone": document["end_to_end, vectors alone"],  # type: ignore[dict-item]
        "labelled outlines": document["labelled_outlines"],  # type: ignore[dict-item]
        "labelled outlines, vectors alone": document["labelled_outlines, vectors alone"],  # type: ignore[dict-item]
        **document["end_to_end_parts"],  # type: ignore[dict-item]
        **document["end_to_end_groups"],  # type: ignore[dict-item]
    }
    return [[name, *(figures[column] for column in _COLUMNS)] for name, figures in rows.items()]


def _words(document: dict[str, object]) -> str:
    head = f"{'':44}" + "".join(
        f"{column.replace('_top', '@').replace('phash', 'ph')[:13]:>14}" for column in _COLUMNS
    )
    lines = [f"{document['model']}, {document['cards_in_database']} cards", head]
    for name, *values in _table(document):
        cells = (
            f"{value:.3f}" if isinstance(value, float) else "-" if value is None else str(value)
            for value in values
        )
        lines.append(f"{str(name)[:43]:44}" + "".join(f"{cell:>14}" for cell in cells))
    lines.append(f"accepted where nothing is labelled: {document['accepted_where_nothing_is_labelled']}")
    lines.append(f"pictures without cards: {json.dumps(document['not_cards'])}")
    return "\n".join(lines)


def _page(out: Path, document: dict[str, object], found: list[Outcome], references: dict[str, Path]) -> Path:
    page = Page(out, "Real photographs")
    page.words(f"Model {document['model']}, database of {document['cards_in_database']} cards.")
    page.table(["", *_COLUMNS], _table(document))
    failures: dict[str, list[Outcome]] = {}
    for outcome in found:
        if (what := is_failure(outcome)) is not None:
            failures.setdefault(what, []).append(outcome)
    for what, outcomes in sorted(failures.items()):
        page.heading(f"{what}: {len(outcomes)}")
        page.gallery([(caption(each), pictures(each, references)) for each in outcomes])
    return page.write()
