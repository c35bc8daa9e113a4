"""``cardscanner db correct | corrections``: a person says what a card really was."""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cardscanner.commands.options import add_config, new_parser, usual
from cardscanner.config import Config
from cardscanner.configfile import load_config
from cardscanner.corrections import EVENT_ID, Correction, Corrections, now
from cardscanner.errors import InputError
from cardscanner.history.keeping import history_path
from cardscanner.history.store import look_up
from cardscanner.match import open_database
from cardscanner.match.card_rows import Reference
from cardscanner.publish import Outbox
from cardscanner.publish.outbox_check import is_in_use
from cardscanner.recent import RecentScan, read_recent

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

_CORRECT = """\
  cardscanner db correct 01J8ZK3T6Y6Q0R3W9C5F1M2N7P base1-4

The event is the "id" of a scan message. It must be known still: among the newest scans, which the scanner
keeps with their pictures when corrections.recent is set in its configuration; in its history, which has small
photos; or in the outbox of a scanner that does not run. The newest word on an event counts. db build and
db add take the pictures of corrections as further views of their cards (--corrections FOLDER)."""
_LIST = """\
  cardscanner db corrections
  cardscanner db corrections --json"""
_CODES = {**usual(0, 65, 78), 1: "nothing was stored: the event or the card is not known"}


def add_actions(actions: Subparsers) -> None:
    """Describe the commands."""
    correct = new_parser(actions, "correct", "say which card an event really was", _CORRECT, _CODES)
    correct.add_argument("event", metavar="EVENT", help="id of the scan message")
    correct.add_argument("card_id", metavar="CARD_ID")
    add_config(correct)
    correct.set_defaults(command=run_correct)
    listing = new_parser(actions, "corrections", "list what was corrected", _LIST, usual(0, 1, 78))
    add_config(listing)
    listing.add_argument("--json", action="store_true", help="one JSON line for each")
    listing.set_defaults(command=run_list)


def run_correct(arguments: argparse.Namespace) -> int:
    """Store one correction."""
    config = load_config(arguments.config)
    scan = _known_scan(config, arguments.event)
    with closing(open_database(config.index.database)) as database:
        if database.row_of(arguments.card_id) is None:
            raise InputError(
                f"{config.index.database}: there is no card {arguments.card_id}; "
                "add it first (cardscanner db add)"
            )
    correction = Correction(
        scan.id, arguments.card_id, scan.decision, scan.candidates, scan.database, None, now()
    )
    stored = Corrections(config.corrections.folder).add(correction, scan.picture)
    said = scan.candidates[0] if scan.candidates else "no card"
    print(f"{stored.event}: {scan.decision} {said} -> {stored.card_id}; {_picture(stored)}")
    return 0


def _known_scan(config: Config, event: str) -> RecentScan:
    """Return what is known of an event.

    Raises
    ------
    InputError
        It is no event id, or nothing is known about it.
    """
    if not EVENT_ID.fullmatch(event):
        raise InputError(f"{event!r} is no event id: it is the 26 letters and digits of a scan message's id")
    recent = config.corrections.recent
    if recent is not None and (scan := read_recent(recent, event)) is not None:
        return scan
    if found := look_up(history_path(config), event):
        entry, photo = found
        return RecentScan(event, entry.decision, entry.candidate_ids, entry.database, photo)
    if scan := _in_outbox(config, event):
        return scan
    looked = "corrections.recent is not set" if recent is None else f"it is not among the scans in {recent}"
    busy = is_in_use(config.outbox.path)
    outbox = "the outbox is in use by the scanner" if busy else f"it is not in {config.outbox.path}"
    raise InputError(f"event {event} is not known (any more): {looked}, and {outbox}")


def _in_outbox(config: Config, event: str) -> RecentScan | None:
    """Look among the messages that wait, and at the newest that was sent; the scanner must not be running."""
    path = config.outbox.path
    if not path.is_file() or is_in_use(path):
        return None
    with closing(Outbox.open(config.outbox)) as outbox:
        payloads = [row.payload for row in outbox.pending(0, config.outbox.max_rows)]
        payloads += outbox.latest().values()
    for payload in payloads:
        message = json.loads(payload)
        if message.get("id") == event:
            candidates = tuple(str(each["card_id"]) for each in message["candidates"])
            return RecentScan(event, message["event_type"], candidates, message["db"]["version"], None)
    return None


def run_list(arguments: argparse.Namespace) -> int:
    """Print every correction."""
    for each in Corrections(load_config(arguments.config).corrections.folder).all():
        if arguments.json:
            print(json.dumps(asdict(each), ensure_ascii=False))
        else:
            said = each.candidates[0] if each.candidates else "no card"
            print(f"{each.at}  {each.event}  {each.decision} {said} -> {each.card_id}  {_picture(each)}")
    return 0


def corrected_views(folder: Path) -> list[Reference]:
    """Return the pictures of corrected cards as references; those without a picture are left out.

    Raises
    ------
    InputError
        The folder holds no corrections, or a line cannot be read.
    """
    found = Corrections(folder).all()
    if not found:
        raise InputError(f"{folder}: there are no corrections")
    return [
        Reference(each.card_id, each.card_id, folder / each.file, f"corrections/{each.file}")
        for each in found
        if each.file is not None
    ]


def _picture(correction: Correction) -> str:
    return f"picture {correction.file}" if correction.file else "no picture was kept"
