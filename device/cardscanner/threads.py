"""Supervisor: named threads that stop together, joined with a deadline.

A thread that ends before it is asked to, or dies with an error, stops all of them: the process then ends
with an error and systemd starts a fresh one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)

Loop = Callable[[threading.Event], None]
"""A thread's body; returns soon after the event is set."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a thread ended early: its name and the error, or ``None`` if it simply returned."""

    thread: str
    error: BaseException | None


class Supervisor:
    """Starts threads, notices when one ends early, stops the others."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.early: Ending | None = None
        self._threads: list[threading.Thread] = []

    def start(self, name: str, loop: Loop, *, may_end: bool = False) -> None:
        """Run ``loop(stopping)`` in a thread; ``may_end`` allows it to return before the stop."""

        def body() -> None:
            error: BaseException | None = None
            try:
                loop(self.stopping)
            except BaseException as caught:  # noqa: BLE001 - the top of a thread; sys.exit() ends one too
                error = caught
            self._ended(name, error, may_end=may_end)

        thread = threading.Thread(target=body, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        """Ask every thread to end."""
        self.stopping.set()

    def join(self, deadline_s: float) -> list[str]:
        """Wait for all threads at most ``deadline_s`` seconds; return the names of those still running."""
        end = time.monotonic() + deadline_s
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return [thread.name for thread in self._threads if thread.is_alive()]

    def _ended(self, name: str, error: BaseException | None, *, may_end: bool) -> None:
        if error is None and (may_end or self.stopping.is_set()):
            return
        if self.early is None:
            self.early = Ending(name, error)
        log.error("thread ended", thread=name, exc_info=error)
        self.stopping.set()
