"""CommandDesk: quick commands are done at once, slow ones one after the other in a thread of their own."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

import structlog

from cardscanner.control.room import ControlRoom
from cardscanner.errors import CardscannerError, CommandRefused
from cardscanner.publish.orders import AnyAnswer, Order, bad

log = structlog.get_logger(__name__)

Handler = Callable[[ControlRoom, Order], AnyAnswer]
"""Carries out one command.

Raises
------
CommandRefused
    With the code for the answer.
CardscannerError
    It was tried and failed.
"""
MOST_WAITING = 8
_LOOK_S = 0.5


class CommandDesk:
    """``ring`` wakes the publish thread when an answer is ready."""

    def __init__(
        self,
        room: ControlRoom,
        quick: Mapping[str, Handler],
        slow: Mapping[str, Handler],
        ring: Callable[[], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._room = room
        self._quick = quick
        self._slow = slow
        self._ring = ring
        self._clock_s = clock_s
        self._waiting: queue.Queue[Order] = queue.Queue(MOST_WAITING)
        self._done: deque[tuple[Order, AnyAnswer]] = deque()
        self._one_at_a_time = threading.Lock()

    def take(self, order: Order) -> None:
        """Carry out a quick order, or let a slow one wait for its turn."""
        if order.command in self._quick:
            self._finish(order, self._quick[order.command])
            return
        try:
            self._waiting.put_nowait(order)
        except queue.Full:
            words = f"{MOST_WAITING} commands wait already: ask again later, as a new transaction"
            self._done.append((order, bad(order.request.transaction, "busy", words)))

    def done(self) -> list[tuple[Order, AnyAnswer]]:
        """Return the answers that are ready."""
        ready = []
        while self._done:
            ready.append(self._done.popleft())
        return ready

    def run(self, stopping: threading.Event) -> None:
        """Carry out slow orders until the stop; it is the thread's body."""
        while not stopping.is_set():
            self.step(_LOOK_S)

    def step(self, wait_s: float) -> bool:
        """Carry out the next slow order, if one comes within ``wait_s``; return whether one did."""
        try:
            order = self._waiting.get(timeout=wait_s)
        except queue.Empty:
            return False
        self._finish(order, self._slow[order.command])
        self._ring()
        return True

    def perform(self, order: Order) -> AnyAnswer:
        """Carry out an order at once and return its answer; the caller's thread does it.

        Slow orders are done one after the other, whoever asks for them.
        """
        if order.command in self._quick:
            return self._attempt(order, self._quick[order.command])
        return self._attempt(order, self._slow[order.command])

    def _finish(self, order: Order, handler: Handler) -> None:
        answer = self._attempt(order, handler)
        failed = None if answer.error is None else answer.error.message
        log.info("command", command=order.command, transaction=order.request.transaction, failed=failed)
        self._done.append((order, answer))

    def _attempt(self, order: Order, handler: Handler) -> AnyAnswer:
        transaction = order.request.transaction
        if self._clock_s() > order.deadline_s:
            return bad(transaction, "expired", "its time was over before its turn came")
        try:
            if order.command in self._quick:
                return handler(self._room, order)
            with self._one_at_a_time:
                return handler(self._room, order)
        except CommandRefused as refusal:
            return bad(transaction, refusal.code, str(refusal))
        except (CardscannerError, OSError) as error:
            return bad(transaction, "failed", str(error))
