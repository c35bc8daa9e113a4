"""``cardscanner db``: make, change, describe and verify reference databases."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from cardscanner.commands import db_change, db_correct, db_exchange, db_push
from cardscanner.commands.db_correct import corrected_views
from cardscanner.commands.options import add_embedder, ask_for_more, embedder_config, new_parser, path, usual
from cardscanner.embed import load_embedder
from cardscanner.manifest import DatabaseManifest, load_model_manifest
from cardscanner.match.assemble import Title
from cardscanner.match.build import BuildReport, build_database
from cardscanner.match.health.report import report_on
from cardscanner.match.index_choice import Wanted
from cardscanner.match.inspection import describe, verify
from cardscanner.match.progress import Progress

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

BUILD_EXAMPLES = """\
  cardscanner db build scans/ --out db/mine              a folder: the file's stem is the card id
  cardscanner db build scans/ --out db/mine --backend hailo   with the vectors of the box's own chip
  cardscanner db build cards.csv --out db/mine           a table: card_id,file[,name,set,number,...]
  cardscanner db build cards.jsonl --out db/mine         the same fields, one object a line
  cardscanner db build cards/en --pictures png/ --out db/mine   a metadata dump: id, name, set, images

Fields other than card_id and file are kept as metadata; files are seen from the table's folder, or from
--pictures. Further views of a card: ID@word.png in a folder, a column "view" in a table, a list as "file"
in JSON. Cards with the same art_group share a picture. The pictures of a dump are looked for by the path
of their URL (base1/4_hires.png) and by id (base1-4.png); nothing is downloaded. (docs/database.md)
Progress goes to standard error. A build that was stopped, however, goes on where it was when the same
command is given again; a database that lies in DIR already stays in use until the new one is whole.
DIR/report/index.html says how far the database can be trusted: how alike its cards are, which pictures
look wrong, which prints share a picture."""

BUILD_CODES = {
    **usual(130),
    0: "built; pictures that could not be read were left out and are listed",
    1: "nothing was built: the source has a mistake, no picture can be read, or with --strict one cannot",
    65: "the model is missing or damaged, or DIR cannot be used",
}
INFO_CODES = {0: "described", 65: "DIR is no finished database, or its manifest is damaged"}
VERIFY_CODES = {
    0: "every file is whole, and the index answers as an exact search does",
    65: "something is not",
}


def add_parser(commands: Subparsers) -> None:
    """Describe the commands."""
    example = "  cardscanner db build scans/ --out db/mine"
    parser = new_parser(
        commands, "db", "make, change and check reference databases", example, usual(0, 1, 65, 130)
    )
    ask_for_more(parser)
    actions = parser.add_subparsers(metavar="ACTION")
    build = new_parser(actions, "build", "build a database from card pictures", BUILD_EXAMPLES, BUILD_CODES)
    build.add_argument("source", type=path, metavar="SRC", help="folder of pictures, card table or dump")
    build.add_argument("--out", type=path, required=True, metavar="DIR", help="folder of the database")
    build.add_argument("--name", help="name of the database (default: the folder's name)")
    build.add_argument("--version", help="version of the database (default: today)")
    build.add_argument("--pictures", type=path, metavar="DIR", help="where the pictures of a table lie")
    build.add_argument(
        "--dtype", choices=["float16", "float32"], default="float16", help="how vectors are kept (float16)"
    )
    build.add_argument(
        "--corrections", type=path, metavar="FOLDER", help="add the pictures of corrected cards as views"
    )
    build.add_argument("--strict", action="store_true", help="fail when a picture cannot be read")
    build.add_argument("--no-report", action="store_true", help="do not write the health report (DIR/report)")
    build.add_argument(
        "--index",
        choices=get_args(Wanted),
        default="auto",
        help="how it is to be searched (default: measured; annoy where that is enough)",
    )
    build.add_argument(
        "--no-pictures", action="store_true",
        help="store no small pictures (8 KB a card): candidates cannot be looked at again",
    )  # fmt: skip
    build.add_argument("--json", action="store_true", help="print the report as one JSON document")
    add_embedder(build)
    build.set_defaults(command=run_build)
    db_change.add_actions(actions)
    db_exchange.add_actions(actions)
    db_correct.add_actions(actions)
    db_push.add_actions(actions)
    example = "  cardscanner db info db/mine --json"
    info = new_parser(actions, "info", "say what a database is", example, INFO_CODES)
    example = "  cardscanner db verify db/mine"
    check = new_parser(actions, "verify", "check every file of a database", example, VERIFY_CODES)
    for action, command in ((info, run_info), (check, run_verify)):
        action.add_argument("folder", type=path, metavar="DIR")
        action.add_argument("--json", action="store_true", help="print one JSON document")
        action.set_defaults(command=command)


def run_build(arguments: argparse.Namespace) -> int:
    """Build a database; pictures that cannot be read are listed at the end."""
    config = embedder_config(arguments)
    with closing(load_embedder(config)) as embedder:
        report = build_database(
            arguments.source,
            arguments.out,
            embedder,
            load_model_manifest(config.model),
            title=_title(arguments),
            strict=arguments.strict,
            index=arguments.index,
            dtype=arguments.dtype,
            pictures=arguments.pictures,
            views=corrected_views(arguments.corrections) if arguments.corrections else (),
            second_looks=not arguments.no_pictures,
        )
        if not arguments.no_report:
            report_on(arguments.out, report.pictures, embedder, Progress())
    if arguments.json:
        unreadable = [{"card_id": each.card_id, "reason": each.reason} for each in report.unreadable]
        print(json.dumps({"manifest": report.manifest.model_dump(mode="json"), "unreadable": unreadable}))
    else:
        _tell(report, arguments.out)
    return 0


def _title(arguments: argparse.Namespace) -> Title:
    today = f"{datetime.now(UTC):%Y.%m.%d}"
    return Title(arguments.name or arguments.out.resolve().name, arguments.version or today)


def _tell(report: BuildReport, out: Path) -> None:
    manifest = report.manifest
    print(
        f"{out}: {manifest.cards} cards of {manifest.artworks} artworks, {manifest.dim}-d, {manifest.space}"
    )
    rule = manifest.accept
    print(f"accept rule: margin >= {rule.threshold:.4f}, prints {rule.print_gap:.4f} apart")
    print(f"searched by {manifest.search.backend}: {_measured(manifest)}")
    if rule.verify is None:
        print("without pictures: candidates are not looked at again")
    else:
        looks = rule.verify
        print(
            f"second look: margin + {looks.weight:.3f} x score >= {looks.threshold:.4f}, "
            f"prints {looks.print_lead:.4f} apart"
        )
    for each in report.unreadable:
        print(f"left out: {each.card_id}: {each.reason}", file=sys.stderr)


def _measured(manifest: DatabaseManifest) -> str:
    return "; ".join(
        f"{backend} recall@1 {found['recall_1']:.4f}, {found['ms']:.2f} ms"
        for backend, found in manifest.search.measured.items()
    )


def run_info(arguments: argparse.Namespace) -> int:
    """Print a database's manifest."""
    document = describe(arguments.folder)
    if arguments.json:
        print(json.dumps(document))
        return 0
    for key, value in document.items():
        shown = json.dumps(value) if isinstance(value, dict | list) else value
        print(f"{key:14} {shown}")
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Check a database; exit 65 when anything is wrong."""
    checks = verify(arguments.folder)
    if arguments.json:
        print(
            json.dumps([{"subject": each.subject, "ok": each.ok, "detail": each.detail} for each in checks])
        )
    else:
        for each in checks:
            print(f"{'ok  ' if each.ok else 'FAIL'}  {each.subject:14} {each.detail}")
    return 0 if all(each.ok for each in checks) else 65
