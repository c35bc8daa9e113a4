"""Taking from the outbox what the history lacks: after a kill, a damaged file, a disk that took nothing."""

from __future__ import annotations

import json

import structlog

from cardscanner.errors import CommandRefused
from cardscanner.history.history import History
from cardscanner.publish import Outbox
from cardscanner.publish.rows import Row

log = structlog.get_logger(__name__)

_ROWS_AT_ONCE = 500
_UNDONE = {"scan_undone": True, "scan_redone": False}


def catch_up(history: History, outbox: Outbox) -> None:
    """Take in every scan that the outbox still holds and the history does not know, and what was undone.

    Raises
    ------
    HistoryFault, OutboxFault
        One of them cannot be read or written just now.
    """
    newest = history.newest_seq(outbox.epoch)
    undone: dict[str, bool] = {}
    taken, from_seq = 0, 1
    while rows := outbox.held(from_seq, _ROWS_AT_ONCE):
        scans = [row.payload for row in rows if row.topic.endswith("/scan") and row.seq > newest]
        history.catch_up(scans)
        taken += len(scans)
        for row in rows:
            undone |= _word(row)
        from_seq = rows[-1].seq + 1
    for identity, is_undone in undone.items():
        _repeat(history, identity, undone=is_undone)
    if taken:
        log.info("history took scans from the outbox", scans=taken)


def _word(row: Row) -> dict[str, bool]:
    """Return what an event says about a scan, by its id."""
    if not row.topic.endswith("/event"):
        return {}
    event = json.loads(row.payload)
    undone = _UNDONE.get(event["event_type"])
    return {} if undone is None else {str(event["data"]["scan"]): undone}


def _repeat(history: History, identity: str, *, undone: bool) -> None:
    try:
        if undone:
            history.undo(identity)
        else:
            history.redo(identity)
    except CommandRefused:  # the scan is no longer kept
        return
