"""LiveView: what the scan thread sees, for those who watch; it costs nothing while nobody does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cardscanner.mailbox import LatestSlot
from cardscanner.records import Corners, Frame, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """One card-like thing as it is followed just now."""

    corners: Corners
    verdict: Verdict | None
    """What is believed so far; ``None``: nothing yet."""
    reported: bool
    """Whether its event was sent."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One frame and everything that was found in it."""

    frame: Frame
    outlines: tuple[Outline, ...]


class LiveView:
    """The newest scene, while somebody watches. Safe to use from several threads."""

    def __init__(self) -> None:
        self.scenes: LatestSlot[Scene] = LatestSlot()
        self._lock = threading.Lock()
        self._watchers = 0

    @property
    def watched(self) -> bool:
        """Whether a scene is worth making."""
        return self._watchers > 0

    @contextmanager
    def watching(self) -> Iterator[LatestSlot[Scene]]:
        """Watch while the block runs."""
        with self._lock:
            self._watchers += 1
        try:
            yield self.scenes
        finally:
            with self._lock:
                self._watchers -= 1
