"""Heart: tells systemd how we are. The watchdog is fed by progress, not by a timer.

Fed only while each of these is so: a frame arrived, or the camera is known to be lost and is being opened
again; the accelerator's last call is over, or its process is being replaced; the outbox has stored what it
was given, or is idle; the page's event loop answers; and every thread gets round its loop.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from cardscanner.capture.health import CameraHealth
from cardscanner.notify import Notifier
from cardscanner.vitals import Vitals

log = structlog.get_logger(__name__)

OPEN_S = 25.0
"""Opening or closing a camera may take this long beside its ``timeout_s`` and ``retry_s``."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Longest times, in seconds, that are no reason for a fresh start.

    systemd waits for ``WatchdogSec`` after the last sign of life; these come before that.
    """

    camera_s: float = 5.0 + OPEN_S
    """Without a frame, a loss or an attempt to open."""
    threads_s: Mapping[str, float] = field(
        default_factory=lambda: {"scan": 20.0, "publish": 25.0, "web": 15.0}
    )
    """Without progress. Publishing may be in a slow TLS connect; the page's event loop has this time to
    start, too, and is watched only where there is a page."""
    calls_s: Mapping[str, float] = field(default_factory=lambda: {"npu": 10.0})
    """For one call, each of which has a limit of its own far below this one."""
    storing_s: float = 15.0
    """For one thing that the outbox does; a memory card that clears up inside takes seconds."""
    opening_s: float = 90.0
    """From the start until model, database and index are open; systemd has a limit of its own for its first
    start, so this one is for a configuration that is read again."""


class Storing(Protocol):
    """What the outbox tells about itself."""

    @property
    def busy_s(self) -> float:
        """For how long the disk has been at work on one thing."""


class Heart:
    """Tells systemd that we are ready, and then that we are alive, but only while everything gets on."""

    def __init__(
        self,
        notifier: Notifier,
        camera: CameraHealth,
        vitals: Vitals,
        outbox: Storing,
        limits: Limits,
        *,
        web: bool = False,
    ) -> None:
        self.notifier = notifier
        self.camera = camera
        self._vitals = vitals
        self._outbox = outbox
        self._limits = limits
        self._threads_s = {name: limit for name, limit in limits.threads_s.items() if web or name != "web"}
        self._beat_s = (notifier.watchdog_s or 10.0) / 4
        self._next_beat = 0.0
        self._status: str | None = None
        self._named: list[str] = []

    def tick(self) -> None:
        """Call this several times a second."""
        if self._vitals.ready.is_set():
            self._tell_status()
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + self._beat_s
            self._beat()

    def stuck(self) -> list[str]:
        """Return the parts that do not get on, causes before consequences; safe from any thread."""
        ready = self._vitals.ready.is_set()
        found = ["outbox"] if self._outbox.busy_s > self._limits.storing_s else []
        found += self._vitals.overdue(self._limits.calls_s)
        if ready and self._capture_hangs():
            found.append("capture")
        if not ready and self._vitals.uptime_s > self._limits.opening_s:
            found.append("opening")
        threads = self._vitals.stuck(self._threads_s)
        # Opening a large database takes longer than any frame, and has a limit of its own.
        return found + [name for name in threads if ready or name != "scan"]

    def _capture_hangs(self) -> bool:
        report = self.camera.report()
        idle_s = (time.monotonic_ns() - report.progress_ns) / 1e9
        return report.state != "ended" and idle_s > self._limits.camera_s

    def _beat(self) -> None:
        stuck = self.stuck()
        if [name for name in stuck if name not in self._named]:
            log.error("no progress; the watchdog is not fed", parts=stuck)
        elif self._named and not stuck:
            log.info("every part gets on again", parts=self._named)
        self._named = stuck
        if not stuck:
            self.notifier.alive()

    def _tell_status(self) -> None:
        """Say that we are ready, and what is missing all the same; again whenever that changes."""
        status = self._words()
        if self._status is None:
            self.notifier.ready(status)
            log.info("ready", status=status)
        elif status != self._status:
            self.notifier.status(status)
        self._status = status

    def _words(self) -> str:
        camera, missing = self.camera.report(), self._vitals.explanations
        if camera.blind:
            missing[f"camera_{camera.state}"] = camera.reason
        if not missing:
            return "paused" if self._vitals.paused else "scanning"
        return "; ".join(f"{reason}: {words}" for reason, words in missing.items())
