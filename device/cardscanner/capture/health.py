"""How the camera is: written by the capture thread, read by whoever reports or watches it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

CameraState = Literal["starting", "ok", "lost", "frozen", "black", "ended"]
"""``frozen``: pictures come, but always the same one. Lost and frozen cameras are opened again; one that
shows nothing but black stays open, for it may only be dark."""

_LOST = ("lost", "frozen")
_WINDOW_NS = 5_000_000_000


@dataclass(frozen=True, slots=True)
class CameraReport:
    """The camera at one moment."""

    state: CameraState
    reason: str
    """What is wrong, and what to do; how a recording ended; empty while all is well."""
    since_ns: int
    """When this state began, monotonic."""
    fps: float
    """Frames that came, a second, over the last 5 s."""
    last_frame_ns: int | None
    """Capture time of the newest frame, monotonic; ``None`` before the first."""
    frames: int
    """Frames that came since the start."""
    losses: int
    """How often the camera was lost since the start."""
    progress_ns: int
    """When the capture thread last did something: took a frame, noticed a loss, tried to open again."""

    @property
    def blind(self) -> bool:
        """Whether no card can be seen: the camera is lost, frozen or black."""
        return self.state in (*_LOST, "black")


class CameraHealth:
    """A record of the camera that several threads may use."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._state: CameraState = "starting"
        self._reason = ""
        self._since_ns = self._progress_ns = clock()
        self._last_frame_ns: int | None = None
        self._frames = 0
        self._losses = 0
        self._arrivals_ns: deque[int] = deque()

    def report(self) -> CameraReport:
        """Return the camera as it is now."""
        with self._lock:
            return CameraReport(
                self._state,
                self._reason,
                self._since_ns,
                self._fps(),
                self._last_frame_ns,
                self._frames,
                self._losses,
                self._progress_ns,
            )

    def opening(self) -> None:
        """The camera is about to be opened; a lost one stays lost until a frame comes."""
        with self._lock:
            self._progress_ns = self._clock()

    def waiting(self) -> None:
        """The recording waits until its frame has been scanned."""
        with self._lock:
            self._progress_ns = self._clock()

    def frame_came(self, captured_ns: int, black: str = "") -> bool:
        """Note a frame, and why it shows nothing, if so; return whether the camera was lost before."""
        with self._lock:
            self._arrivals_ns.append(self._clock())
            self._last_frame_ns = captured_ns
            self._frames += 1
            return self._enter("black" if black else "ok", black) in _LOST

    def lost(self, reason: str, *, frozen: bool = False) -> bool:
        """Note that no frames come, or always the same one; return whether that is news."""
        with self._lock:
            self._arrivals_ns.clear()
            news = self._enter("frozen" if frozen else "lost", reason) not in _LOST
            self._losses += news
            return news

    def ended(self, reason: str) -> None:
        """The recording is over."""
        with self._lock:
            self._arrivals_ns.clear()
            self._enter("ended", reason)

    def _enter(self, state: CameraState, reason: str) -> CameraState:
        before = self._state
        self._progress_ns = self._clock()
        if state != before:
            self._since_ns = self._progress_ns
        self._state, self._reason = state, reason
        return before

    def _fps(self) -> float:
        """Frames after the first in the window, over the time since that first one."""
        now_ns = self._clock()
        while self._arrivals_ns and now_ns - self._arrivals_ns[0] > _WINDOW_NS:
            self._arrivals_ns.popleft()
        if len(self._arrivals_ns) < 2:
            return 0.0
        return (len(self._arrivals_ns) - 1) * 1e9 / max(now_ns - self._arrivals_ns[0], 1)
