"""StdoutPublisher: outbox rows as JSON lines on standard output."""

from __future__ import annotations

import io
import select
import sys
import time
from collections.abc import Callable

from cardscanner.errors import OutboxFault
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.rows import Row
from cardscanner.publish.status import PublishStatus, Troubles

_PIECE = 4096
"""A pipe that select calls writable takes this much without blocking (PIPE_BUF)."""
_BATCH_ROWS = 64
_RETRY_S = 1.0


class StdoutPublisher:
    """The way out for pipes and terminals: a row is delivered when its line has been written.

    A reader that is slow makes rows wait, one that is gone makes them wait for ever: they stay in the outbox.
    """

    def __init__(self, outbox: Outbox, out: io.FileIO) -> None:
        self._outbox = outbox
        self._out = out
        self._troubles = Troubles()
        self._row: Row | None = None
        self._rest = b""
        self._again_s = 0.0
        self._delivered = 0
        self._waiting: list[Row] = []

    @classmethod
    def open(cls, outbox: Outbox) -> StdoutPublisher:
        """Write to the process's standard output, unbuffered."""
        return cls(outbox, io.FileIO(sys.stdout.fileno(), "wb", closefd=False))

    def step(self, wait_s: float) -> None:
        """Write what waits; wait for a row or the reader at most ``wait_s``."""
        end_s = time.monotonic() + wait_s
        self._outbox.bell.clear()
        pause_s = self._again_s - time.monotonic()
        if pause_s > 0:
            time.sleep(min(pause_s, max(0.0, wait_s)))
            return
        worked = self._guarded(lambda: self._work(end_s))
        self._guarded(self._outbox.forget_delivered)
        if not worked and self._row is None:
            self._outbox.bell.wait(min(_RETRY_S, max(0.0, end_s - time.monotonic())))

    def status(self) -> PublishStatus:
        """Return how it goes."""
        return PublishStatus(
            connected="stdout_closed" not in self._troubles.reasons,
            reasons=self._troubles.reasons,
            refusal=self._troubles.newest,
            delivered=self._delivered,
        )

    def close(self, drain_s: float) -> None:
        """Write what can be written within ``drain_s``."""
        end_s = time.monotonic() + drain_s
        while self._outbox.depth and (left_s := end_s - time.monotonic()) > 0 and not self._troubles.reasons:
            self.step(min(left_s, 0.1))
        self._guarded(lambda: self._outbox.forget_delivered(now=True))

    def _work(self, end_s: float) -> bool:
        """Write lines, a batch at most, while the reader takes them; return whether it wrote any."""
        written = 0
        while written < _BATCH_ROWS and self._next_line() and self._write(end_s):
            written += 1
        return written > 0

    def _next_line(self) -> bool:
        if self._row is not None:
            return True
        if not self._waiting:
            self._waiting = self._outbox.pending(0, _BATCH_ROWS)
        if self._waiting:
            self._row = self._waiting.pop(0)
            self._rest += self._row.payload + b"\n"
        return self._row is not None

    def _write(self, end_s: float) -> bool:
        """Write the rest of the line; return whether it is complete."""
        while self._rest:
            _, writable, _ = select.select([], [self._out], [], max(0.0, end_s - time.monotonic()))
            if not writable:
                return False
            self._rest = self._rest[self._out.write(self._rest[:_PIECE]) or 0 :]
        if self._row is not None:
            self._outbox.delivered(self._row)
            self._delivered += 1
            self._row = None
        self._troubles.leave("stdout_closed")
        return True

    def _guarded(self, work: Callable[[], bool]) -> bool:
        """Turn a fault of the disk or of the reader into a state that is tried again."""
        try:
            done = work()
        except OutboxFault as fault:
            self._troubles.enter("outbox_fault", str(fault))
        except OSError as error:
            self._troubles.enter("stdout_closed", f"standard output cannot be written: {error.strerror}")
        else:
            self._troubles.leave("outbox_fault")
            return done
        self._again_s = time.monotonic() + _RETRY_S
        return False
