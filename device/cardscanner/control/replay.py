"""``replay``: delivered messages once more, for a consumer that missed some."""

from __future__ import annotations

from collections.abc import Sequence

from cardscanner.control.room import ControlRoom
from cardscanner.errors import CommandRefused
from cardscanner.publish.orders import AnyAnswer, Order, asked, good
from cardscanner.publish.payload_answer import ReplayData, Span
from cardscanner.publish.payload_request import ReplayRequest


def replay(room: ControlRoom, order: Order) -> AnyAnswer:
    """Let the publish thread send what there is of the range, and say what there is not."""
    request, outbox = asked(order, ReplayRequest), room.outbox
    if request.epoch not in {None, outbox.epoch}:
        raise CommandRefused(
            "not_found", f"epoch {request.epoch} is over, its messages are gone; this one is {outbox.epoch}"
        )
    outbox.forget_delivered(now=True)
    to_seq = min(outbox.last_seq, request.to_seq or outbox.last_seq)
    arrived, waiting = outbox.survey(request.from_seq, to_seq)
    next_seq = None
    if len(arrived) > request.max:
        next_seq = arrived[request.max]
        to_seq, arrived = next_seq - 1, arrived[: request.max]
        waiting = [seq for seq in waiting if seq <= to_seq]
    if arrived and not room.replays.ask(arrived[0], arrived[-1]):
        raise CommandRefused("busy", "other replays wait already: ask again later, as a new transaction")
    data = ReplayData(
        epoch=outbox.epoch,
        count=len(arrived),
        missing=tuple(_gaps(sorted([*arrived, *waiting]), request.from_seq, to_seq)),
        waiting=len(waiting),
        next_seq=next_seq,
    )
    return good(order, data)


def _gaps(there: Sequence[int], from_seq: int, to_seq: int) -> list[Span]:
    """Return the spans of a range that are not there."""
    gaps, expected = [], from_seq
    for seq in [*there, to_seq + 1]:
        if seq > expected:
            gaps.append(Span(from_seq=expected, to_seq=seq - 1))
        expected = seq + 1
    return gaps
