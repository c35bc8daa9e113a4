"""The body of the capture thread: frames into the slot; a lost camera is opened again until it is back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import structlog

from cardscanner.capture.darkness import WHY_BLACK, BlackWatch
from cardscanner.capture.health import CameraHealth
from cardscanner.errors import CameraLost, EndOfReplay
from cardscanner.mailbox import LatestSlot
from cardscanner.ports import Source
from cardscanner.records import Frame

log = structlog.get_logger(__name__)

_PATIENCE_S = 0.2


def keep_capturing(
    open_source: Callable[[], Source],
    slot: LatestSlot[Frame],
    stopping: threading.Event,
    health: CameraHealth,
    *,
    timeout_s: float,
    retry_s: float,
    lossless: bool = False,
) -> None:
    """Put frames into ``slot`` until ``stopping`` is set or a recording ends.

    A loss is a state in ``health``, logged once when it begins and once when it is over; so is a picture that
    stays black, but then the camera stays open: it may only be dark. ``seq`` goes on
    rising over a reopened camera. Returns on the stop and at the end of a recording (``health`` says
    "ended"); what no reopening can cure, ConfigError and InputError, is raised. ``lossless`` waits for each
    frame to be taken before the next is read: right for a recording that is played as fast as it is scanned,
    wrong for a camera.
    """
    keeper = _Keeper(slot, health, lossless=lossless)
    while not stopping.is_set():
        try:
            keeper.stream(open_source, stopping, timeout_s)
        except CameraLost as error:
            keeper.note_loss(error)
            stopping.wait(retry_s)
        except EndOfReplay as error:
            health.ended(str(error))
            log.info("recording is over", reason=str(error))
            return


class _Keeper:
    def __init__(self, slot: LatestSlot[Frame], health: CameraHealth, *, lossless: bool) -> None:
        self._slot = slot
        self._health = health
        self._lossless = lossless
        self._next_seq = 0
        self._darkness = BlackWatch()
        self._black = False

    def stream(self, open_source: Callable[[], Source], stopping: threading.Event, timeout_s: float) -> None:
        """Open the camera and pass its frames on until the stop; raises what the source raises."""
        self._health.opening()
        first_seq = self._next_seq
        with closing(open_source()) as source:
            while not stopping.is_set():
                try:
                    frame = source.read(timeout_s)
                except CameraLost as error:
                    self.note_loss(error)  # before closing, which may take seconds
                    raise
                self._pass_on(replace(frame, seq=first_seq + frame.seq))
                while self._lossless and not stopping.is_set() and not self._slot.wait_empty(_PATIENCE_S):
                    self._health.waiting()  # for the scan thread, which is watched itself

    def note_loss(self, error: CameraLost) -> None:
        """Say that the camera is lost, once; throw away a frame from before that nobody took."""
        self._slot.take(timeout_s=0)
        if self._health.lost(str(error), frozen=error.frozen):
            log.warning("camera is lost; trying to open it again", reason=str(error))

    def _pass_on(self, frame: Frame) -> None:
        if self._next_seq == 0:
            log.info("camera delivers frames", camera=frame.camera, captured_ms=frame.captured_ns / 1e6)
        # A recording that is played as fast as it is scanned has no time of its own.
        black = not self._lossless and self._darkness.see(frame.pixels, frame.captured_ns)
        if self._health.frame_came(frame.captured_ns, WHY_BLACK if black else ""):
            log.info("camera is back", camera=frame.camera)
        if black != self._black:
            self._black = black
            if black:
                log.warning("camera shows nothing", camera=frame.camera, reason=WHY_BLACK)
            else:
                log.info("camera shows something again", camera=frame.camera)
        self._next_seq = frame.seq + 1
        self._slot.put(frame)
