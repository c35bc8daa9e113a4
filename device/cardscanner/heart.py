"""Heart: tells systemd how we are. The watchdog is fed by progress, not by a timer."""

from __future__ import annotations

import time
from collections.abc import Mapping

import structlog

from cardscanner.capture.health import CameraHealth
from cardscanner.notify import Notifier
from cardscanner.vitals import Vitals

log = structlog.get_logger(__name__)

LIMITS_S = {"scan": 40.0, "publish": 30.0}
"""Longest time without progress: the accelerator's whole recovery ladder, a slow TLS connect."""

OPEN_S = 25.0
"""Opening or closing a camera may take this long beside its ``timeout_s`` and ``retry_s``."""


class Heart:
    """Tells systemd that we are ready, and then that we are alive, but only while every thread gets on."""

    def __init__(
        self,
        notifier: Notifier,
        camera: CameraHealth,
        vitals: Vitals,
        camera_limit_s: float,
        limits_s: Mapping[str, float] = LIMITS_S,
    ) -> None:
        self.notifier = notifier
        self.camera = camera
        self._vitals = vitals
        self._camera_limit_s = camera_limit_s
        self._limits_s = limits_s
        self._beat_s = (notifier.watchdog_s or 10.0) / 4
        self._next_beat = 0.0
        self._told_ready = False

    def tick(self) -> None:
        """Call this several times a second."""
        if self._vitals.ready.is_set() and not self._told_ready:
            self._told_ready = True
            self.notifier.ready("scanning")
            log.info("ready")
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + self._beat_s
            self._beat()

    def _beat(self) -> None:
        stuck = self._vitals.stuck(self._limits_s)
        report = self.camera.report()
        idle_s = (time.monotonic_ns() - report.progress_ns) / 1e9
        if self._vitals.ready.is_set() and report.state != "ended" and idle_s > self._camera_limit_s:
            stuck.append("capture")
        if stuck:
            log.error("no progress; the watchdog is not fed", threads=stuck)
        else:
            self.notifier.alive()
