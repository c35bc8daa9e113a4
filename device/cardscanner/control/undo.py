"""``undo``: a scan counts no more, or counts again; the page and the command do the same."""

from __future__ import annotations

from cardscanner.control.room import ControlRoom
from cardscanner.errors import CommandRefused
from cardscanner.history import Entry
from cardscanner.publish.event import store_event
from cardscanner.publish.orders import AnyAnswer, Order, asked, good
from cardscanner.publish.payload_answer import UndoData
from cardscanner.publish.payload_event import EventType
from cardscanner.publish.payload_request import UndoRequest


def undo(room: ControlRoom, order: Order) -> AnyAnswer:
    """Undo the scan that is asked for, or the newest that is not undone."""
    request = asked(order, UndoRequest)
    event = request.event
    if event is None:
        last = room.history.last()
        if last is None:
            raise CommandRefused("not_found", "there is no scan that could be undone")
        event = last.id
    entry = set_undone(room, event, undone=not request.redo)
    return good(order, UndoData(event=entry.id, card_id=entry.card_id, undone=entry.undone))


def set_undone(room: ControlRoom, event: str, *, undone: bool) -> Entry:
    """Let a scan count no more, or again; subscribers are told first, which is durable. Twice is once.

    Raises
    ------
    CommandRefused
        The scan is not known (any more).
    HistoryFault, OutboxFault
        The disk does not take it: nothing has changed.
    """
    entry = room.history.entry(event)
    if entry is None:
        raise CommandRefused("not_found", f"scan {event} is not known (any more)")
    if entry.undone == undone:
        return entry
    kind: EventType = "scan_undone" if undone else "scan_redone"
    store_event(room.outbox, room.config.device_id, kind, {"scan": event})
    return room.history.undo(event) if undone else room.history.redo(event)
