"""``correction``: a person says which card a scan really was."""

from __future__ import annotations

import json
from contextlib import closing, suppress

from cardscanner.control.room import ControlRoom
from cardscanner.corrections import Correction, Corrections, now
from cardscanner.errors import CommandRefused
from cardscanner.match import open_database
from cardscanner.publish.orders import AnyAnswer, Order, asked, good
from cardscanner.publish.payload_answer import CorrectionData
from cardscanner.publish.payload_request import CorrectionRequest
from cardscanner.recent import RecentScan, read_recent


def correct(room: ControlRoom, order: Order) -> AnyAnswer:
    """Store it with the card's picture, if that is still there; the newest word on a scan counts."""
    request = asked(order, CorrectionRequest)
    scan = _known_scan(room, request.event)
    with closing(open_database(room.config.index.database)) as database:
        if database.row_of(request.card_id) is None:
            raise CommandRefused("not_found", f"the database has no card {request.card_id}")
    correction = Correction(
        scan.id, request.card_id, scan.decision, scan.candidates, scan.database, None, now()
    )
    stored = Corrections(room.config.corrections.folder).add(correction, scan.picture)
    with suppress(CommandRefused):  # the history does not know every scan that can be corrected
        room.history.corrected(stored.event, stored.card_id)
    data = CorrectionData(
        event=stored.event, card_id=stored.card_id, decision=stored.decision, picture=stored.file is not None
    )
    return good(order, data)


def _known_scan(room: ControlRoom, event: str) -> RecentScan:
    """Look among the newest scans with their pictures, in the history, then in what the outbox holds."""
    recent = room.config.corrections.recent
    if recent is not None and (scan := read_recent(recent, event)) is not None:
        return scan
    if (entry := room.history.entry(event)) is not None:
        return RecentScan(
            event, entry.decision, entry.candidate_ids, entry.database, room.history.photo(event)
        )
    payload = room.outbox.find(event)
    message = None if payload is None else json.loads(payload)
    if message is None or "candidates" not in message:
        raise CommandRefused("not_found", f"scan {event} is not known (any more)")
    candidates = tuple(str(each["card_id"]) for each in message["candidates"])
    return RecentScan(event, message["event_type"], candidates, message["db"]["version"], None)
