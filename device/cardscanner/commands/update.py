"""``cardscanner update --check``: is there anything newer? Installs nothing."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cardscanner import __version__
from cardscanner.commands.options import add_config, new_parser, usual
from cardscanner.config import Config
from cardscanner.configfile import load_config
from cardscanner.manifest import load_database_manifest, load_model_manifest
from cardscanner.updates import Installed, News, Report, compare, read_index, report_path, save_report

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

EXAMPLES = """\
  cardscanner update --check
  cardscanner update --check --json | jq '.found[] | select(.newer)'

Reads index.json at `updates.source` of the configuration and compares it with the database, the model and
the program in use. The answer is also left beside the outbox, in updates.json; a running scanner tells it on
its topic `update`. docs/appliance.md describes the index."""

CODES = {
    **usual(65, 78, 130),
    0: "done: the lines say what is newer, if anything; or no source is configured",
    1: "the source cannot be reached, or holds no index; updates.json stays as it was",
    100: "with --newer: something is newer",
}
NEWER = 100
"""As package managers have it, for scripts; the timer does not ask for it, since news is no failure."""


def add_parser(commands: Subparsers) -> None:
    """Describe the command."""
    parser = new_parser(commands, "update", "look for newer versions; installs nothing", EXAMPLES, CODES)
    add_config(parser)
    parser.add_argument("--check", action="store_true", required=True, help="look, and say what is newer")
    parser.add_argument("--newer", action="store_true", help=f"exit {NEWER} when something is newer")
    parser.add_argument("--json", action="store_true", help="print what updates.json holds")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Look once."""
    config = load_config(arguments.config)
    if config.updates is None:
        print("no source of updates is configured (updates.source in the configuration): nothing to look at")
        return 0
    index = read_index(config.updates.source, config.updates.timeout_s)
    found = tuple(compare(each, index) for each in _installed(config))
    report = Report(checked=datetime.now(UTC), source=config.updates.source, found=found)
    save_report(report_path(config.outbox.path), report)
    print(json.dumps(report.model_dump(mode="json")) if arguments.json else "\n".join(map(_line, found)))
    return NEWER if arguments.newer and any(each.newer for each in found) else 0


def _installed(config: Config) -> list[Installed]:
    database = load_database_manifest(config.index.database)
    model = load_model_manifest(config.embedder.model)
    return [
        Installed("database", database.name, database.version),
        Installed("model", model.name, model.version),
        Installed("daemon", "cardscanner", __version__),
    ]


def _line(news: News) -> str:
    thing = f"{news.kind:8}  {news.name} {news.installed}"
    if news.latest is None:
        return f"{thing}: not in the index"
    if not news.newer:
        return f"{thing}: the newest"
    return f"{thing}: {news.latest} is newer{'' if news.summary is None else f': {news.summary}'}"
