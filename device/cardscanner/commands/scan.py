"""``cardscanner scan``: identify the cards in photos."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cardscanner.commands.options import add_embedder, embedder_config, new_parser, path, usual, whole_number
from cardscanner.commands.scan_targets import drawing_places, pictures_named
from cardscanner.config import FinderConfig, IndexConfig, VerifyConfig
from cardscanner.decide import one_per_object
from cardscanner.draw import draw_answers
from cardscanner.errors import CardscannerError, EmbedderFailed, EmbedderTimeout, IndexAway, InputError
from cardscanner.pictures import SUFFIXES, read_picture
from cardscanner.pipeline import Stopwatch
from cardscanner.records import Picture, Sighting, Verdict
from cardscanner.rooms import Rooms, open_rooms
from cardscanner.shipped import photo_finder, shipped_database

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

EXAMPLES = """\
  cardscanner scan photo.jpg --db db/mine
  cardscanner scan photos/ --db db/mine --json > answers.jsonl
  cardscanner scan page.jpg --db db/mine --draw answer.png
  cardscanner scan photos/*.jpg --db db/mine --draw answers/

A folder stands for the pictures directly in it, in the order of their names. Photos are searched
thoroughly, several times slower than the frames of a camera. A picture in which no outline is found
has no cards, unless --whole takes it as one card from edge to edge (a scan of one card, cropped).

--draw OUT writes one picture to the file OUT (.png, .jpg, .webp), or each to OUT/NAME.png when OUT is
a folder: green is a match, yellow ambiguous, red no match; a dot marks the top left of the upright
card. Names in other scripts are drawn in Latin letters; the card id stands beside them.

With --json each picture is one line (kept stable; docs/commands.md has every field):
  {"image": path, "width": w, "height": h, "cards": [{"quad": [[x, y] x 4: TL TR BR BL of the upright
   card, in pixels after EXIF rotation], "upside_down": bool, "decision": "match" | "ambiguous" |
   "no_match", "match": "exact" | "artwork" | "none", "card_id": text or null, "score": cosine of the
   best reference, "margin": by how much it leads, "check": {"score", "share"; "number"
   if it was read} of the second look or null, "candidates": [{"card_id", "name", "score"} x K]}],
   "timings_ms": {stage: ms}}
A picture that cannot be read is {"image": path, "error": why}; the others go on."""

CODES = {
    **usual(65, 130),
    0: "every picture was read, whether or not cards were found",
    1: "a picture could not be read or a drawing not be written; the others were done",
}

Answer = tuple[Sighting, Verdict]


def add_parser(commands: Subparsers) -> None:
    """Describe the command."""
    parser = new_parser(commands, "scan", "identify the cards in photos", EXAMPLES, CODES)
    parser.add_argument(
        "images", type=path, nargs="+", metavar="IMAGE",
        help="JPEG, PNG, WebP (HEIC: pillow-heif), or a folder of them",
    )  # fmt: skip
    parser.add_argument(
        "--db", type=path, metavar="DIR", help="database (default: the shipped demo database)"
    )
    parser.add_argument(
        "--index",
        choices=["auto", "annoy", "exact", "int8", "ivf"],
        default="auto",
        help="how it is searched (default: as its build measured)",
    )
    parser.add_argument(
        "--top", type=whole_number(1, 100), default=5, metavar="K", help="candidates listed for each card (5)"
    )
    parser.add_argument(
        "--finder",
        choices=["corners", "contours"],
        default="corners",
        help="how cards are found: a small network and edges (default), or edges alone",
    )
    parser.add_argument(
        "--no-verify", action="store_true", help="do not look at candidates again; vectors alone decide"
    )
    parser.add_argument(
        "--read-number",
        action="store_true",
        help="read the collector number of prints that cannot be told otherwise (Tesseract)",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="seek cards as in a camera's frames, quickly: what the daemon sees in such a picture",
    )
    parser.add_argument("--whole", action="store_true", help="take a picture without any outline as one card")
    parser.add_argument("--draw", type=path, metavar="OUT", help="draw the answers: a file, or a folder")
    parser.add_argument("--json", action="store_true", help="one JSON line for each picture")
    add_embedder(parser)
    parser.set_defaults(command=run, refuse=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Scan every picture; exit 1 when one of them could not be read."""
    pictures = pictures_named(arguments.images)
    places = _drawings(pictures, arguments)
    index = IndexConfig(backend=arguments.index, database=arguments.db or shipped_database())
    finder = _finder(arguments)
    well = True
    if arguments.no_verify and arguments.read_number:
        arguments.refuse("--read-number reads in a second look, which --no-verify forbids")
    verify = VerifyConfig(
        enabled=not arguments.no_verify, read_number="tesseract" if arguments.read_number else "never"
    )
    with open_rooms(finder, embedder_config(arguments), index, arguments.top, verify) as rooms:
        for picture, place in zip(pictures, places, strict=True):
            well &= _scan(picture, place, rooms, arguments)
    return 0 if well else 1


def _finder(arguments: argparse.Namespace) -> FinderConfig:
    if arguments.live:
        return FinderConfig(backend=arguments.finder, whole_picture=arguments.whole)
    return photo_finder(arguments.finder, whole=arguments.whole)


def _drawings(pictures: list[Path], arguments: argparse.Namespace) -> list[Path | None]:
    """Where each picture is drawn; a place that cannot be is refused before the work begins."""
    out: Path | None = arguments.draw
    if out is None:
        return [None] * len(pictures)
    try:
        several = len(pictures) > 1 or any(each.is_dir() for each in arguments.images)
        return [*drawing_places(pictures, out, several=several)]
    except argparse.ArgumentTypeError as mistake:
        arguments.refuse(str(mistake))
        raise


def _scan(path: Path, place: Path | None, rooms: Rooms, arguments: argparse.Namespace) -> bool:
    """Answer for one picture; return whether all went well."""
    watch = Stopwatch()
    try:
        with watch.stage("read"):
            picture = _read(path)
        answers = list(identify(picture, rooms, watch, arguments.top))
    except (InputError, EmbedderTimeout, EmbedderFailed, IndexAway) as error:
        _tell_failure(path, error, arguments)
        return False
    if arguments.json:
        print(json.dumps(as_document(path, picture, answers, watch)), flush=True)
    else:
        _tell(path, answers)
    return place is None or _draw(picture, answers, place)


def _read(path: Path) -> Picture:
    if path.is_dir():
        raise InputError(f"{path}: there are no pictures in this folder ({', '.join(sorted(SUFFIXES))})")
    return read_picture(path)


def _draw(picture: Picture, answers: list[Answer], place: Path) -> bool:
    try:
        draw_answers(picture, answers, place)
    except InputError as error:  # the answer itself was given already
        print(f"cardscanner: {error}", file=sys.stderr)
        return False
    return True


def identify(picture: Picture, rooms: Rooms, watch: Stopwatch, top: int) -> Iterator[Answer]:
    """Find the cards of one still picture and judge each by the database's accept rule."""
    with watch.stage("find"):
        quads = rooms.eye.find(picture)
    for sighting in one_per_object(rooms.eye.sight(picture, quads, watch)):
        with watch.stage("verify"):
            verdict = rooms.judged(picture, sighting, top)
        yield sighting, verdict


def as_document(path: Path, picture: Picture, answers: list[Answer], watch: Stopwatch) -> dict[str, object]:
    """The stable JSON shape of one picture."""
    height, width = picture.shape[:2]
    return {
        "image": str(path),
        "width": width,
        "height": height,
        "cards": [_card_document(sighting, verdict) for sighting, verdict in answers],
        "timings_ms": {stage: round(value, 2) for stage, value in watch.ms.items()},
    }


def _card_document(sighting: Sighting, verdict: Verdict) -> dict[str, object]:
    return {
        "quad": [[round(float(x), 2), round(float(y), 2)] for x, y in sighting.quad.corners],
        "upside_down": sighting.upside_down,
        "decision": verdict.decision,
        "match": verdict.match,
        "card_id": verdict.card.card_id if verdict.card else None,
        "score": round(verdict.score, 4),
        "margin": round(verdict.margin, 4),
        "check": _check_document(verdict),
        "candidates": [
            {"card_id": each.card.card_id, "name": each.card.name, "score": round(each.score, 4)}
            for each in verdict.candidates
        ],
    }


def _check_document(verdict: Verdict) -> dict[str, float | str] | None:
    check = verdict.check
    if check is None:
        return None
    read: dict[str, float | str] = {} if check.number is None else {"number": check.number}
    return {"score": round(check.score, 4), "share": round(check.share, 4), **read}


def _tell(path: Path, answers: list[Answer]) -> None:
    print(f"{path}: {len(answers)} card{'' if len(answers) == 1 else 's'}")
    for sighting, verdict in answers:
        best = verdict.candidates[0].card
        turned = ", upside down" if sighting.upside_down else ""
        print(f"  {verdict.decision:9} {best.card_id:14} {best.name:24} score {verdict.score:.3f} "
              f"margin {verdict.margin:.3f}{turned}", flush=True)  # fmt: skip


def _tell_failure(path: Path, error: CardscannerError, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(json.dumps({"image": str(path), "error": str(error)}), flush=True)
    else:
        print(f"cardscanner: {error}", file=sys.stderr)
