"""Sender: which outbox row goes out when, and what each answer means. It knows nothing of sockets.

Order: rows go out by ``seq``. Until the broker has taken a row of a topic on this connection, and after each
refusal, only one row of that topic is on its way at a time; so a subscriber that appears, or a permission
that is granted, in the middle of a window cannot turn the order around.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from math import inf

import structlog

from cardscanner.publish.outbox import Outbox
from cardscanner.publish.pacing import Backoff, Pace
from cardscanner.publish.rows import Row

log = structlog.get_logger(__name__)

SUCCESS = 0
NO_SUBSCRIBERS = 16
FAILURE = 128
PACKET_TOO_LARGE = 149
PAYLOAD_FORMAT_INVALID = 153
ROW_AT_FAULT = {PACKET_TOO_LARGE, PAYLOAD_FORMAT_INVALID}
"""Refusals that are about this one row: the others may go on."""

BATCH_ROWS = 64
MOST_UNCONFIRMED = 1000
"""Rows that the broker has and a consumer has not confirmed: more wait until it does."""
ANSWER_S = 30.0
"""A row that is unanswered for this long: its answer was lost, only a new connection brings it again."""
_ENVELOPE_BYTES = 64
"""Upper bound of header and properties of our messages, beside topic and payload."""


@dataclass(slots=True)
class _Lane:
    """How the broker treats one topic."""

    proven: bool = False
    trouble: int = SUCCESS
    """Reason code of the last refusal, until a row is taken again."""
    unheard_rows: int = 0
    """Answers in a row, up to the newest, that said: nobody subscribes."""
    closed_until_s: float | None = None
    refused: Backoff = field(default_factory=lambda: Backoff(1.0, 60.0))
    unheard: Backoff = field(default_factory=lambda: Backoff(1.0, 10.0))

    def close(self, code: int, now_s: float) -> None:
        """Send nothing for a while; answers to rows sent before the lane closed do not prolong it."""
        self.proven = False
        if self.closed_until_s is None:
            self.trouble = code
            backoff = self.unheard if code == NO_SUBSCRIBERS else self.refused
            self.closed_until_s = now_s + backoff.next_s()

    def count(self, code: int) -> None:
        """Take note of whether somebody heard a row; a refusal does not tell."""
        if code == NO_SUBSCRIBERS:
            self.unheard_rows += 1
        elif code < FAILURE:
            self.unheard_rows = 0

    def prove(self) -> None:
        """Open the lane: the broker took a row."""
        self.proven = True
        self.trouble = SUCCESS
        self.closed_until_s = None
        self.refused.reset()
        self.unheard.reset()


class Sender:
    """Feeds a connection with rows and draws the conclusions from the answers."""

    def __init__(self, outbox: Outbox, *, window: int, max_per_s: float, keep_unheard: bool) -> None:
        self.answers: Counter[int] = Counter()
        """How often each reason code came."""
        self.delivered = 0
        self._outbox = outbox
        self._window = window
        self._max_packet = inf
        self._keep_unheard = keep_unheard
        self._pace = Pace(max_per_s, window)
        self._lanes: dict[str, _Lane] = {}
        self._queue: deque[Row] = deque()
        self._cursor = 0
        self._epoch = outbox.epoch
        self._in_flight: dict[int, tuple[Row, float]] = {}
        self._aside: set[int] = set()
        self._refused: set[int] = set()

    def connected(self, window: int, max_packet: float = inf) -> None:
        """Begin a connection on which ``window`` rows of at most ``max_packet`` bytes may be unanswered."""
        self._window = window
        self._max_packet = max_packet
        self._aside.clear()
        for lane in self._lanes.values():
            lane.proven = False
            lane.closed_until_s = None
        self._rewind()

    def disconnected(self) -> list[int]:
        """Take back what is unanswered; return its sequence numbers."""
        lost = sorted(row.seq for row, _ in self._in_flight.values() if row.epoch == self._outbox.epoch)
        self._in_flight.clear()
        self._rewind()
        return lost

    def next_row(self, now_s: float) -> Row | None:
        """Return the row to send now, or ``None``; call :meth:`sent` for it before asking again.

        Raises
        ------
        OutboxFault
            The rows cannot be read.
        """
        self._reopen(now_s)
        if self._outbox.take_back_unconfirmed():
            self._rewind()
        self._load()
        if (
            self._outbox.unacknowledged >= MOST_UNCONFIRMED
            or not self._queue
            or len(self._in_flight) >= self._window
            or self._pace.wait_s(now_s) > 0
        ):
            return None
        row = self._queue[0]
        if self._must_wait(row):
            return None
        if len(row.payload) + len(row.topic.encode()) + _ENVELOPE_BYTES > self._max_packet:
            self._queue.popleft()
            self._refuse(row, PACKET_TOO_LARGE, now_s)
            return None
        return row

    def sent(self, row: Row, mid: int, now_s: float) -> None:
        """The row from :meth:`next_row` is on its way as message ``mid``."""
        self._queue.popleft()
        self._pace.take(now_s)
        self._in_flight[mid] = (row, now_s)

    def answered(self, mid: int, code: int, now_s: float) -> bool:
        """Take the broker's answer; return whether the message was one of ours."""
        if mid not in self._in_flight:
            return False
        row, _ = self._in_flight.pop(mid)
        self.answers[code] += 1
        self._lane(row.topic).count(code)
        if code >= FAILURE:
            self._refuse(row, code, now_s)
        elif code == NO_SUBSCRIBERS and self._keep_unheard:
            self._hold(row.topic, code, now_s)
        else:
            lane = self._lane(row.topic)
            if lane.trouble:  # what was refused in between goes first
                self._rewind()
            lane.prove()
            self._refused.discard(row.seq)
            self._outbox.delivered(row)
            self.delivered += 1
        return True

    def lend(self, now_s: float) -> bool:
        """Give this moment's turn to a message that is no row; rows go first."""
        if not self.idle or self._pace.wait_s(now_s) > 0:
            return False
        self._pace.take(now_s)
        return True

    def due_s(self, now_s: float) -> float:
        """Return the seconds until :meth:`next_row` may give a row without any further answer."""
        closed = (lane.closed_until_s for lane in self._lanes.values() if lane.closed_until_s is not None)
        reopens_s = max(0.0, min(closed, default=inf) - now_s)
        if not self._queue and self._outbox.last_seq <= self._cursor:
            return reopens_s
        if len(self._in_flight) >= self._window or (self._queue and self._must_wait(self._queue[0])):
            return reopens_s
        return self._pace.wait_s(now_s)

    def stalled(self, now_s: float) -> bool:
        """Tell whether an answer is overdue."""
        return any(now_s - since_s > ANSWER_S for _, since_s in self._in_flight.values())

    @property
    def idle(self) -> bool:
        """Whether no row is unanswered and none is known to wait."""
        return not self._in_flight and not self._queue and self._outbox.last_seq <= self._cursor

    @property
    def undeliverable(self) -> int:
        """Number of rows that the broker refused and that wait for a better day."""
        return len(self._refused)

    def troubles(self) -> dict[str, int]:
        """Return the reason code of each topic that is held back."""
        return {topic: lane.trouble for topic, lane in self._lanes.items() if lane.trouble}

    def unheard(self, topic: str) -> int:
        """Return how many answers in a row, up to the newest, said that nobody subscribes to a topic."""
        lane = self._lanes.get(topic)
        return 0 if lane is None else lane.unheard_rows

    def _load(self) -> None:
        if self._outbox.epoch != self._epoch:  # a new file: nothing in flight belongs to it
            self._epoch = self._outbox.epoch
            self._refused.clear()
            self._rewind()
        if self._queue or self._outbox.last_seq <= self._cursor:
            return
        under_way = {row.seq for row, _ in self._in_flight.values() if row.epoch == self._epoch}
        rows = self._outbox.pending(self._cursor, BATCH_ROWS)
        self._cursor = rows[-1].seq if rows else self._outbox.last_seq
        for row in rows:
            closed = self._lane(row.topic).closed_until_s is not None
            if not closed and row.seq not in under_way and row.seq not in self._aside:
                self._queue.append(row)

    def _reopen(self, now_s: float) -> None:
        """Go back to the first row when a topic may be tried again."""
        for lane in self._lanes.values():
            if lane.closed_until_s is not None and lane.closed_until_s <= now_s:
                lane.closed_until_s = None
                self._rewind()

    def _rewind(self) -> None:
        self._queue.clear()
        self._cursor = 0

    def _refuse(self, row: Row, code: int, now_s: float) -> None:
        self._refused.add(row.seq)
        if code in ROW_AT_FAULT:
            self._aside.add(row.seq)
            log.error("broker cannot take a message, it is kept", topic=row.topic, seq=row.seq, code=code)
        else:
            self._hold(row.topic, code, now_s)

    def _hold(self, topic: str, code: int, now_s: float) -> None:
        self._lane(topic).close(code, now_s)
        self._queue = deque(row for row in self._queue if row.topic != topic)

    def _lane(self, topic: str) -> _Lane:
        return self._lanes.setdefault(topic, _Lane())

    def _must_wait(self, row: Row) -> bool:
        """Tell whether an unproven topic already has its one row on the way."""
        if self._lane(row.topic).proven:
            return False
        return any(other.topic == row.topic for other, _ in self._in_flight.values())
