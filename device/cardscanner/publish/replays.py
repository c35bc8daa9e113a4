"""Replays: delivered rows on their way out once more, because a consumer missed them."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass

from cardscanner.publish.messages import Letter
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.rows import Row

MOST = 4
"""Replays that may wait for each other."""
_BATCH_ROWS = 64


@dataclass(slots=True)
class _Replay:
    epoch: str
    next_seq: int
    to_seq: int


class Replays:
    """Asked for in one thread, sent in another."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._lock = threading.Lock()
        self._asked: deque[_Replay] = deque()
        self._rows: deque[Row] = deque()

    def ask(self, from_seq: int, to_seq: int) -> bool:
        """Send what has arrived of a range again; ``False``: too many others wait."""
        with self._lock:
            if len(self._asked) >= MOST:
                return False
            self._asked.append(_Replay(self._outbox.epoch, from_seq, to_seq))
        self._outbox.bell.ring()
        return True

    def next(self) -> Letter | None:
        """Return the next message, marked ``replayed``.

        Raises
        ------
        OutboxFault
            The rows cannot be read now.
        """
        with self._lock:
            while self._asked and not self._rows:
                self._load(self._asked[0])
            if not self._rows:
                return None
            row = self._rows.popleft()
        return Letter(row.topic, _marked(row.payload))

    @property
    def waiting(self) -> bool:
        """Whether there is anything to send."""
        return bool(self._asked or self._rows)

    def _load(self, replay: _Replay) -> None:
        """Read the next batch; at the end of the range, or with a new epoch, the replay is over."""
        rows: list[Row] = []
        if replay.epoch == self._outbox.epoch:
            rows = self._outbox.arrived(replay.next_seq, replay.to_seq, _BATCH_ROWS)
        if not rows:
            self._asked.popleft()
            return
        replay.next_seq = rows[-1].seq + 1
        self._rows.extend(rows)


def _marked(payload: bytes) -> bytes:
    message = json.loads(payload) | {"replayed": True}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
