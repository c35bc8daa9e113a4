"""``cardscanner fleet``: every box of a broker, what it is and how it is, those that need a person first."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from cardscanner.commands.broker_options import add_broker, as_options, broker_config
from cardscanner.commands.options import new_parser, usual, whole_number
from cardscanner.config import DEVICE_ID, MqttConfig
from cardscanner.errors import BrokerRefused, ConfigError, PublishError
from cardscanner.fleet.forms import Glance, as_csv, as_document, glance
from cardscanner.fleet.roster import Roster, Row
from cardscanner.fleet.screen import Screen, is_terminal, wants_colour, whole_screen, width_of
from cardscanner.fleet.table import finding_lines, painted, summary_line, table_lines, unpainted
from cardscanner.fleet.watcher import Watcher
from cardscanner.publish.status import Troubles

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

ATTENTION = 101
"""Exit code of ``--check``."""
_REDRAW_S = 1.0
_STEP_S = 0.25
_EXAMPLES = """\
  cardscanner fleet                                  every box of this machine's broker, drawn anew and anew
  cardscanner fleet --host broker.local 'shop-*'     boxes by name
  cardscanner fleet --once --only attention          who needs a person, why, and what to do
  cardscanner fleet --json                           for programs: one object
  cardscanner fleet --csv > fleet.csv
  cardscanner fleet --check --expect a1b2c3          for monitoring: exit code 101 when something is wrong
  cardscanner fleet --config cardscanner.yaml        broker, password, certificates from there

Everything comes from what the boxes say over MQTT by themselves; scans are not subscribed to.
It ends with Ctrl-C. --once, --json, --csv, --check, or an output that is no terminal: after one look."""
_CODES = {
    **usual(78, 130),
    0: "done; --check: no box needs attention",
    1: "the broker refuses us, or was not reached within --wait",
    ATTENTION: "with --check: a box needs attention, or there is none",
}


def add_parser(commands: Subparsers) -> None:
    """Describe the command."""
    parser = new_parser(commands, "fleet", "show every box and what needs attention", _EXAMPLES, _CODES)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these boxes; * and ? as in a shell")
    parser.add_argument("--only", choices=["attention"], help="only boxes that need attention")
    parser.add_argument("--once", action="store_true", help="print one table and end")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object and end")
    form.add_argument("--csv", action="store_true", help="print CSV and end")
    parser.add_argument("--check", action="store_true", help="say in the exit code whether all is well")
    parser.add_argument(
        "--expect", action="append", default=[], metavar="ID", help="a box that must be there (repeatable)"
    )
    parser.add_argument(
        "--wait", type=whole_number(1, 3600), default=10, metavar="N", help="seconds for one look (10)"
    )
    parser.add_argument("--seconds", type=whole_number(1, 10**9), metavar="N", help="end after this time")
    add_broker(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Look once, or until Ctrl-C."""
    try:
        _check_devices(arguments.expect)
        return _run(arguments, broker_config(arguments))
    except (BrokerRefused, ConfigError, PublishError) as error:
        if arguments.config is not None:
            raise
        raise type(error)(as_options(str(error))) from None


def _check_devices(devices: Sequence[str]) -> None:
    for device in devices:
        if not re.fullmatch(DEVICE_ID, device):
            raise ConfigError(f"--expect {device}: a box's id is made of a-z, 0-9 and -")


def _run(arguments: argparse.Namespace, config: MqttConfig) -> int:
    troubles = Troubles(log=False)
    with closing(Watcher(config, Roster(arguments.expect), troubles)) as watcher:
        once = arguments.once or arguments.json or arguments.csv or arguments.check
        if once or not is_terminal(sys.stdout):
            _look(watcher, troubles, arguments.wait)
            return _tell(watcher, arguments)
        with whole_screen(sys.stdout) as screen:
            _watch(watcher, troubles, screen, arguments)
    return 0


def _look(watcher: Watcher, troubles: Troubles, wait_s: float) -> None:
    """Hear what the broker has.

    Raises
    ------
    PublishError
        It was not reached in time.
    """
    end_s = time.monotonic() + wait_s
    while not watcher.complete and time.monotonic() < end_s:
        watcher.step(_STEP_S)
    if not watcher.been_connected:
        raise PublishError(troubles.newest or f"broker {watcher.where}: no answer within {wait_s:.0f} s")
    if not watcher.complete:
        print(
            f"cardscanner: what the broker has did not come within {wait_s:.0f} s: try a larger --wait",
            file=sys.stderr,
        )


def _tell(watcher: Watcher, arguments: argparse.Namespace) -> int:
    rows = _rows(watcher, arguments)
    summary = _summary(watcher, rows)
    wrong = not rows or summary.attention > 0
    if arguments.only == "attention":
        rows = [row for row in rows if row.needs_attention]
    if arguments.json:
        print(json.dumps(as_document(rows, summary, watcher.now().wall), indent=1))
    elif arguments.csv:
        sys.stdout.write(as_csv(rows))
    else:
        _print(rows, summary, arguments)
    return ATTENTION if arguments.check and wrong else 0


def _print(rows: Sequence[Row], summary: Glance, arguments: argparse.Namespace) -> None:
    width = width_of(sys.stdout)
    paint = painted if wants_colour(sys.stdout) else unpainted
    print(summary_line(summary))
    if arguments.only == "attention" or arguments.check:
        for row in rows:
            if row.needs_attention:
                print("\n".join([f"{row.device} ({row.state})", *finding_lines(row, min(width, 120), paint)]))
    elif rows:
        print("\n".join(table_lines(rows, width, paint)))


def _watch(watcher: Watcher, troubles: Troubles, screen: Screen, arguments: argparse.Namespace) -> None:
    """Draw the table again and again."""
    began_s, drawn_s, drawn = time.monotonic(), 0.0, (0, 0)
    while arguments.seconds is None or time.monotonic() - began_s < arguments.seconds:
        watcher.step(_STEP_S)
        if time.monotonic() - drawn_s < _REDRAW_S and screen.size == drawn:
            continue
        drawn_s, drawn = time.monotonic(), screen.size
        screen.draw(_picture(watcher, troubles, *drawn, arguments))


def _picture(
    watcher: Watcher, troubles: Troubles, width: int, height: int, arguments: argparse.Namespace
) -> list[str]:
    rows = _rows(watcher, arguments)
    lines = [summary_line(_summary(watcher, rows))[:width]]
    if arguments.only == "attention":
        rows = [row for row in rows if row.needs_attention]
    if troubles.newest is not None:
        words = troubles.newest if arguments.config is not None else as_options(troubles.newest)
        lines.append(words[:width])
    paint = painted if wants_colour(sys.stdout) else unpainted
    if rows:
        lines += ["", *table_lines(rows, width, paint, most=height - len(lines) - 1)]
    elif watcher.complete:
        lines += ["", "No box." if arguments.only is None else "No box needs attention."]
    return lines


def _rows(watcher: Watcher, arguments: argparse.Namespace) -> list[Row]:
    rows = watcher.roster.rows(watcher.now())
    if not arguments.names:
        return rows
    return [row for row in rows if any(fnmatchcase(row.device, name) for name in arguments.names)]


def _summary(watcher: Watcher, rows: Sequence[Row]) -> Glance:
    return glance(rows, watcher.where, connected=watcher.connected, foreign=watcher.roster.foreign)
