"""``cardscanner db add | remove | replace | merge``: a database changes without being built again."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from cardscanner.commands.db_correct import corrected_views
from cardscanner.commands.options import add_embedder, embedder_config, new_parser, path, usual
from cardscanner.commands.own_picture import OwnPicture, add_photo_options, own_picture
from cardscanner.embed import load_embedder
from cardscanner.manifest import DatabaseManifest, load_model_manifest
from cardscanner.match.change import (
    ChangeReport,
    add_cards,
    add_source,
    add_views,
    calibration_is_old,
    merge_is_due,
    remove_cards,
)
from cardscanner.match.merge import merge_database

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

_ADD = """\
  cardscanner db add db/mine new-scans/
  cardscanner db add db/mine new.csv --pictures scans/
  cardscanner db add db/mine --corrections /var/lib/cardscanner/corrections
  cardscanner db add db/mine --photo phone.jpg --as promo-7 --name "Pikachu" --set promo

Sources are those of db build. --photo makes the reference from a photo of your own: the card is found in
it, cut out, kept as DIR/own/... for you to look at, and listed in DIR/own/cards.jsonl, which db add takes
as a source after the next build."""
_REPLACE = """\
  cardscanner db replace db/mine better-scans/
  cardscanner db replace db/mine --photo phone.jpg --as promo-7"""
_REMOVE = "  cardscanner db remove db/mine base1-4 base1-5"
_MERGE = "  cardscanner db merge db/mine"
_NOTE = """

A scanner that runs takes the change within seconds, between two frames. When more than a twentieth has
changed, a new base is made afterwards, while the change is in use already (--no-merge leaves that to
db merge). The accept rule stays that of the last build."""

_CODES = {
    **usual(0, 130),
    1: "nothing was changed: the message says why",
    65: "DIR or the model cannot be used",
}


def add_actions(actions: Subparsers) -> None:
    """Describe the commands."""
    for name, summary, examples, run in (
        ("add", "add cards to a database", _ADD, run_add),
        ("replace", "give cards other pictures and data", _REPLACE, run_replace),
    ):
        parser = new_parser(actions, name, summary, examples + _NOTE, _CODES)
        parser.add_argument("folder", type=path, metavar="DIR")
        parser.add_argument(
            "source", type=path, nargs="?", metavar="SRC", help="folder of pictures, card table or dump"
        )
        parser.add_argument("--pictures", type=path, metavar="DIR", help="where the pictures of a table lie")
        parser.add_argument("--strict", action="store_true", help="fail when a picture cannot be read")
        if name == "add":
            parser.add_argument(
                "--corrections", type=path, metavar="FOLDER",
                help="add the pictures of corrected cards (db correct) as further views of these cards",
            )  # fmt: skip
        add_photo_options(parser)
        add_embedder(parser)
        parser.set_defaults(command=run, refuse=parser.error)
        _add_ending(parser)
    remove = new_parser(actions, "remove", "take cards out of a database", _REMOVE + _NOTE, _CODES)
    remove.add_argument("folder", type=path, metavar="DIR")
    remove.add_argument("cards", nargs="+", metavar="CARD_ID")
    remove.set_defaults(command=run_remove)
    _add_ending(remove)
    merge = new_parser(actions, "merge", "make one base of base and changes", _MERGE, _CODES)
    merge.add_argument("folder", type=path, metavar="DIR")
    merge.add_argument("--json", action="store_true", help="print the manifest as one JSON document")
    merge.set_defaults(command=run_merge)


def _add_ending(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-merge", action="store_true", help="never make a new base now")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON document")


def run_add(arguments: argparse.Namespace) -> int:
    """Add cards, or views of cards."""
    if arguments.corrections is not None:
        if arguments.source is not None or arguments.photo is not None:
            arguments.refuse("--corrections stands alone")
        return _take_views(arguments)
    return _take_in(arguments, replacing=False)


def run_replace(arguments: argparse.Namespace) -> int:
    """Replace cards."""
    return _take_in(arguments, replacing=True)


def _take_in(arguments: argparse.Namespace, *, replacing: bool) -> int:
    if (arguments.source is None) == (arguments.photo is None):
        arguments.refuse("name a source SRC, a --photo or --corrections")
    own: OwnPicture | None = None
    if arguments.photo is not None:
        own = own_picture(arguments)
        references = [own.reference]
    else:
        references = add_source(arguments.folder, arguments.source, arguments.pictures)
    config = embedder_config(arguments)
    try:
        with closing(load_embedder(config)) as embedder:
            report = add_cards(
                arguments.folder,
                references,
                embedder,
                load_model_manifest(config.model),
                replacing_cards=replacing,
                strict=arguments.strict,
            )
    except BaseException:
        if own is not None:
            own.discard()
        raise
    if own is not None:
        own.enter()
        print(f"the card as it was cut out of the photo: {own.reference.path}", file=sys.stderr)
    return _finish(report, arguments, "replaced" if replacing else "added")


def _take_views(arguments: argparse.Namespace) -> int:
    views = corrected_views(arguments.corrections)
    config = embedder_config(arguments)
    with closing(load_embedder(config)) as embedder:
        report = add_views(arguments.folder, views, embedder, load_model_manifest(config.model))
    return _finish(report, arguments, "given views")


def run_remove(arguments: argparse.Namespace) -> int:
    """Remove cards."""
    return _finish(remove_cards(arguments.folder, arguments.cards), arguments, "removed")


def run_merge(arguments: argparse.Namespace) -> int:
    """Make a new base."""
    manifest = merge_database(arguments.folder)
    if arguments.json:
        print(json.dumps({"manifest": manifest.model_dump(mode="json")}))
    else:
        _tell(arguments.folder, manifest)
    return 0


def _finish(report: ChangeReport, arguments: argparse.Namespace, what: str) -> int:
    """Say what was done; then, with the change in use already, make a new base when it is worth it."""
    folder: Path = arguments.folder
    manifest = report.manifest
    if merge_is_due(manifest) and not arguments.no_merge:
        manifest = merge_database(folder)
    if arguments.json:
        unreadable = [{"card_id": each.card_id, "reason": each.reason} for each in report.unreadable]
        document = {what: list(report.changed), "unreadable": unreadable}
        print(json.dumps({**document, "manifest": manifest.model_dump(mode="json")}))
        return 0
    print(f"{what}: {', '.join(report.changed)}")
    for each in report.unreadable:
        print(f"left out: {each.card_id}: {each.reason}", file=sys.stderr)
    _tell(folder, manifest)
    return 0


def _tell(folder: Path, manifest: DatabaseManifest) -> None:
    delta = manifest.delta
    layers = f"; {delta.rows} rows added and {delta.removed} removed since the base was made" if delta else ""
    print(f"{folder}: version {manifest.version}, {manifest.cards} cards{layers}")
    if calibration_is_old(manifest):
        print(
            "note: the accept rule was calibrated for a gallery of another size; build the database again "
            "when you can (cardscanner db build)",
            file=sys.stderr,
        )
