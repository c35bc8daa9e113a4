"""``cardscanner listen``: the scans of one scanner or of all, as a table, as JSON, as a CSV file."""

from __future__ import annotations

import argparse
import re
import sys
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from cardscanner.commands.broker_options import add_broker, as_options, broker_config
from cardscanner.commands.options import new_parser, path, usual, whole_number
from cardscanner.config import DEVICE_ID, MqttConfig
from cardscanner.errors import BrokerRefused, ConfigError
from cardscanner.listen.formats import FORMATS, csv_format
from cardscanner.listen.gaps import Gaps
from cardscanner.listen.session import Limits, Record, SpokenTroubles, listen
from cardscanner.listen.sheet import Sheet
from cardscanner.listen.subscriber import Retraction, Scan, Subscriber
from cardscanner.listen.table import HEAD, line_of, line_of_retraction

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

EXAMPLES = """\
  cardscanner listen                                     every scanner on this machine's broker
  cardscanner listen --host pi.local --device a1b2c3     one scanner
  cardscanner listen --csv session.csv                   and write each scan into a file
  cardscanner listen --csv cards.csv --format moxfield   as Moxfield imports it
  cardscanner listen --json | jq .card.name              for programs: one line a scan
  cardscanner listen --config cardscanner.yaml           broker, password, certificates from there

Each scan comes once, however often the broker delivers it. What is missing in between is asked for
again; what cannot be had any more is named. It ends with Ctrl-C, --count or --seconds. A scan is in
the file before it is shown; the same file can be gone on with. Columns: docs/mqtt.md."""

CODES = {
    **usual(78, 130),
    0: "--count or --seconds was reached, and nothing is missing",
    1: "the broker refuses us, the file cannot be written, or scans are missing for good",
}


def add_parser(commands: Subparsers) -> None:
    """Describe the command."""
    parser = new_parser(commands, "listen", "show what scanners report over MQTT", EXAMPLES, CODES)
    parser.add_argument("--device", metavar="ID", help="only this scanner (default: all)")
    parser.add_argument("--json", action="store_true", help="one line a scan, as it came")
    parser.add_argument("--csv", type=path, metavar="FILE", help="also write each scan into this file")
    parser.add_argument("--format", choices=FORMATS, default="plain", help="columns of the file (plain)")
    parser.add_argument("--count", type=whole_number(1, 10**9), metavar="N", help="end after so many scans")
    parser.add_argument("--seconds", type=whole_number(1, 10**9), metavar="N", help="end after this time")
    parser.add_argument("--no-replay", action="store_true", help="do not ask for what is missing")
    add_broker(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Listen until a limit or Ctrl-C."""
    try:
        if arguments.device is not None:
            _check_device(arguments.device)
        return _listen(arguments, broker_config(arguments))
    except (BrokerRefused, ConfigError) as error:
        if arguments.config is not None:
            raise
        raise type(error)(as_options(str(error))) from None


def _listen(arguments: argparse.Namespace, config: MqttConfig) -> int:
    gaps = Gaps()
    say = _say if arguments.config is not None else _say_as_options
    with ExitStack() as stack:
        record = _record(arguments, stack, gaps)
        subscriber = Subscriber(
            config, arguments.device, gaps, SpokenTroubles(say), replay=not arguments.no_replay
        )
        stack.enter_context(closing(subscriber))
        if not arguments.json:
            print(HEAD, flush=True)
        limits = Limits(arguments.count, arguments.seconds)
        show, show_retraction = (_show_json, _hide) if arguments.json else (_show, _show_retraction)
        listen(subscriber, record, show, show_retraction, say, limits)
    missing = [gap for gap in gaps.missing() if gap.certain]
    for gap in missing:
        say(f"still missing: {gap}")
    return 1 if missing or subscriber.replays.lost else 0


def _record(arguments: argparse.Namespace, stack: ExitStack, gaps: Gaps) -> Record | None:
    if arguments.csv is None:
        return None
    columns = csv_format(arguments.format)
    sheet = stack.enter_context(closing(Sheet.open(arguments.csv, columns.COLUMNS)))
    record = Record(sheet, columns)
    if known := record.go_on(gaps, time.monotonic()):
        _say(f"{arguments.csv} holds {known} scans, going on")
    return record


def _say(words: str) -> None:
    print(f"cardscanner: {words}", file=sys.stderr, flush=True)


def _say_as_options(words: str) -> None:
    _say(as_options(words))


def _show(scan: Scan) -> None:
    print(line_of(scan.payload))


def _show_retraction(retraction: Retraction) -> None:
    print(line_of_retraction(retraction))


def _hide(_retraction: Retraction) -> None:
    """Print nothing: lines of JSON are scans; standard error tells of it."""


def _show_json(scan: Scan) -> None:
    print(scan.text)


def _check_device(device: str) -> None:
    if not re.fullmatch(DEVICE_ID, device):
        raise ConfigError(f"--device {device}: a device's id is made of a-z, 0-9 and -")
