"""The history's thread: tells what is new, writes in batches, and gives way when the disk is nearly full.

Photos stop first, then scans; then the oldest messages that were delivered go from the outbox, so that new
scans find room in its file. All of it ends by itself when there is room again.
"""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import structlog

from cardscanner.config import Config
from cardscanner.errors import HistoryFault, OutboxFault
from cardscanner.history.catching_up import catch_up
from cardscanner.history.history import History
from cardscanner.publish import Outbox
from cardscanner.vitals import Vitals

log = structlog.get_logger(__name__)

_LOOK_S = 0.5
_DISK_LOOK_S = 2.0
_RETRY_S = 10.0


def history_path(config: Config) -> Path:
    """Return where the history lies."""
    return config.history.path or config.outbox.path.with_name("history.db")


def open_history(config: Config, outbox: Outbox) -> History:
    """Open the history that the configuration names."""
    return History.open(history_path(config), config.history, outbox)


def keep_history(config: Config, history: History, outbox: Outbox, vitals: Vitals) -> HistoryKeeper:
    """Return the body of the history's thread."""
    return HistoryKeeper(history, outbox, vitals, history_path(config).parent, config.history.keep_free)


class HistoryKeeper:
    """Call it with the stop event: it is the thread's body."""

    def __init__(
        self, history: History, outbox: Outbox, vitals: Vitals, folder: Path, keep_free: int
    ) -> None:
        self._history = history
        self._outbox = outbox
        self._vitals = vitals
        self._folder = folder
        self._keep_free = keep_free
        self._next_look_s = 0.0
        self._again_s = 0.0
        self._photos = history.wants_photos
        self._full = False
        history.behind = True  # whatever the last run left in the outbox alone

    def __call__(self, stopping: threading.Event) -> None:
        """Keep the history until the stop."""
        self.step(0)
        while not stopping.is_set():
            self.step(_LOOK_S)
            self._vitals.progress("history")

    def step(self, wait_s: float) -> None:
        """Wait for something to do, at most so long, and do it."""
        self._history.wake.wait(wait_s)
        self._history.wake.clear()
        self._history.tell()
        now_s = time.monotonic()
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + _DISK_LOOK_S
            self._look_at_disk()
        if now_s >= self._again_s and not self._full and (self._history.behind or self._history.due):
            self._write()

    def retry(self) -> None:
        """Try the disk again without the usual pause."""
        self._again_s = self._next_look_s = 0.0

    def _look_at_disk(self) -> None:
        free = shutil.disk_usage(self._folder).free
        low, self._full = free < self._keep_free, free < self._keep_free // 2
        self._history.wants_photos = self._photos and not low
        if low:
            words = f"{self._folder}: {free / 2**20:.0f} MiB free: photos of cards are no longer kept"
            if self._vitals.enter("disk_low", words):
                log.warning(
                    "the disk is nearly full: photos, then scans, are no longer kept", free_bytes=free
                )
        elif self._vitals.leave("disk_low"):
            log.info("the disk has room again; photos and scans are kept", free_bytes=free)
        if self._full:
            self._spare_room()

    def _spare_room(self) -> None:
        try:
            self._outbox.spare_room()
        except OutboxFault as fault:  # whoever stores scans says so
            log.debug("the outbox cannot give room back", error=str(fault))

    def _write(self) -> None:
        try:
            if self._history.behind:
                self._history.shrink()
                self._history.write()
                self._history.behind = False
                catch_up(self._history, self._outbox)
            self._history.write()
        except (HistoryFault, OutboxFault) as fault:
            self._history.behind = True
            self._again_s = time.monotonic() + _RETRY_S
            if self._vitals.enter("history", str(fault)):
                log.error("the history cannot be written; it is tried again", error=str(fault))
        else:
            if self._vitals.leave("history"):
                log.info("the history is written again")
