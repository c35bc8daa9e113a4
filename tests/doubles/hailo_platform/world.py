"""What surrounds the double: chips, driver, permissions, other owners, and the faults to come."""

from __future__ import annotations

import fcntl
import json
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

HANG = -1
"""Outcome of a job that never completes."""


@dataclass
class World:
    """The state of the machine that the double plays; one of it, reset by :func:`fresh_world`."""

    version: str = "4.23.0"
    driver_version: str | None = None
    """``None``: that of the library."""
    firmware_version: str | None = None
    chips: dict[str, str] = field(default_factory=lambda: {"0001:01:00.0": "HAILO8L"})
    """Device id -> architecture."""
    permitted: bool = True
    held_by_another_process: bool = False
    lock_file: Path | None = None
    """With it, processes that use the double really exclude each other."""
    numpy2: bool = False
    """A binding that was built for NumPy 1 and sees every buffer as empty."""

    latency_s: float = 0.0
    queue_size: int = 2
    every_job: int = 0
    """Status of each job for which nothing else is planned; :data:`HANG` as in ``jobs``."""
    drop_hangs: bool = False
    """Dropping a configured model with a job in flight never returns; the real one waits 10 s at least."""
    controls_hang: bool = False
    """Calls over the control channel never return."""
    jobs: deque[int] = field(default_factory=deque)
    """Status of the next jobs on the device; 0 is success, :data:`HANG` never completes."""
    launches: deque[int] = field(default_factory=deque)
    """Status of the next calls of ``run_async``."""
    readiness: deque[int] = field(default_factory=deque)
    """Status of the next calls of ``wait_for_async_ready``."""
    forgotten_callbacks: int = 0
    """So many callbacks never come, although their jobs end."""
    configures: deque[int] = field(default_factory=deque)
    opens: deque[int] = field(default_factory=deque)
    releases: deque[int] = field(default_factory=deque)
    scans: deque[int] = field(default_factory=deque)

    readings: dict[str, Any] = field(default_factory=dict)
    """Name of a control call -> what it answers instead, or an exception that it raises."""
    current_monitoring: bool = True

    events: list[str] = field(default_factory=list)
    """What happened, in order."""
    group: str | None = None
    shares: int = 0
    _lock: IO[str] | None = None

    def look(self) -> None:
        """Take over what the steering file says now: so other processes than the test's own are steered.

        ``HAILO_DOUBLE`` names the file; it holds the fields below as JSON, and what it leaves out is usual.
        ``once`` is the outcome of one job; it leaves the file when it is taken.
        """
        path = os.environ.get("HAILO_DOUBLE", "")
        if not path:
            return
        wanted = json.loads(Path(path).read_text(encoding="utf-8"))
        usual = World()
        for name in _STEERED:
            setattr(self, name, wanted.get(name, getattr(usual, name)))
        self.lock_file = Path(wanted["lock_file"]) if "lock_file" in wanted else None
        if "once" in wanted:
            self.jobs.append(wanted.pop("once"))
            Path(path).write_text(json.dumps(wanted), encoding="utf-8")

    def claim(self, group: str) -> int:
        """Take the chip for a group; return a status."""
        if self.group is not None and (group == "UNIQUE" or group != self.group):
            return 74
        if self.group is None and not (self.chips and self._lock_chip()):
            return 74
        self.group, self.shares = group, self.shares + 1
        return 0

    def release(self) -> None:
        """Give one share of the chip back."""
        self.shares -= 1
        if self.shares == 0:
            self.group = None
            if self._lock is not None:
                self._lock.close()
                self._lock = None

    def _lock_chip(self) -> bool:
        if self.held_by_another_process:
            return False
        if self.lock_file is None:
            return True
        lock = self.lock_file.open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True


_STEERED = (
    "version",
    "driver_version",
    "firmware_version",
    "chips",
    "permitted",
    "held_by_another_process",
    "latency_s",
    "every_job",
    "drop_hangs",
    "controls_hang",
)


def next_of(queue: deque[int]) -> int:
    """Take the next planned status; 0 when nothing is planned."""
    return queue.popleft() if queue else 0


world = World()


@contextmanager
def fresh_world() -> Iterator[World]:
    """Give a healthy machine, and check in the end that nobody still holds its chip."""
    world.__init__()  # type: ignore[misc]
    yield world
    assert world.shares == 0, f"a VDevice was not released; what happened: {world.events}"
