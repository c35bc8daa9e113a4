"""``cardscanner db diff | export | import``: compare databases, carry them to other programs and back."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from cardscanner.commands.options import new_parser, path, usual
from cardscanner.match.assemble import Title
from cardscanner.match.difference import Difference, difference
from cardscanner.match.exchange import FORMATS, export_database, import_database

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

_DIFF = """\
  cardscanner db diff db/old db/new
  cardscanner db diff db/old db/new --json"""
_EXPORT = """\
  cardscanner db export db/mine mine.parquet
  cardscanner db export db/mine mine.jsonl
  cardscanner db export db/mine mine.npz"""
_IMPORT = "  cardscanner db import mine.parquet --out db/mine"
_DIFF_CODES = {0: "they answer alike", 1: "they differ", 65: "one of them cannot be opened"}
_SHOWN = 50


def add_actions(actions: Subparsers) -> None:
    """Describe the commands."""
    diff = new_parser(actions, "diff", "say what differs between two databases", _DIFF, _DIFF_CODES)
    diff.add_argument("before", type=path, metavar="A")
    diff.add_argument("after", type=path, metavar="B")
    diff.add_argument("--json", action="store_true", help="print one JSON document")
    diff.set_defaults(command=run_diff)
    out = new_parser(actions, "export", "write a database as one file", _EXPORT, usual(0, 1, 65))
    out.add_argument("folder", type=path, metavar="DIR")
    out.add_argument("file", type=path, metavar="FILE", help=", ".join(FORMATS))
    out.set_defaults(command=run_export)
    into = new_parser(actions, "import", "make a database of an exported file", _IMPORT, usual(0, 1, 65))
    into.add_argument("file", type=path, metavar="FILE", help=", ".join(FORMATS))
    into.add_argument("--out", type=path, required=True, metavar="DIR", help="folder of the database")
    into.add_argument("--name", help="name of the database (default: the one it had)")
    into.add_argument("--version", help="version of the database (default: the one it had)")
    into.set_defaults(command=run_import, refuse=into.error)


def run_export(arguments: argparse.Namespace) -> int:
    """Write one file."""
    rows = export_database(arguments.folder, arguments.file)
    print(f"{arguments.file}: {rows} vectors")
    return 0


def run_import(arguments: argparse.Namespace) -> int:
    """Make a database of one file."""
    if (arguments.name is None) != (arguments.version is None):
        arguments.refuse("--name and --version belong together")
    title = Title(arguments.name, arguments.version) if arguments.name else None
    manifest = import_database(arguments.file, arguments.out, title)
    print(f"{arguments.out}: {manifest.name} {manifest.version}, {manifest.cards} cards, {manifest.space}")
    return 0


def run_diff(arguments: argparse.Namespace) -> int:
    """Compare; exit 1 when there is a difference, as diff does."""
    found = difference(arguments.before, arguments.after)
    if arguments.json:
        print(json.dumps({"same": found.same, **found.document()}))
    else:
        _tell(found)
    return 0 if found.same else 1


def _tell(found: Difference) -> None:
    for key, (before, after) in {**found.manifest, **found.accept}.items():
        print(f"{key}: {before} -> {after}")
    for sign, cards in (("-", found.removed), ("+", found.added)):
        for card_id in cards[:_SHOWN]:
            print(f"{sign} {card_id}")
        if len(cards) > _SHOWN:
            print(f"{sign} ... and {len(cards) - _SHOWN} more (--json lists all)")
    for each in found.changed[:_SHOWN]:
        what = [f"{key} {before!r} -> {after!r}" for key, (before, after) in each.fields.items()]
        what += ["other vectors"] * each.vectors + ["other artwork"] * each.artwork
        print(f"~ {each.card_id}: {'; '.join(what)}")
    if len(found.changed) > _SHOWN:
        print(f"~ ... and {len(found.changed) - _SHOWN} more (--json lists all)")
    print(f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed")
