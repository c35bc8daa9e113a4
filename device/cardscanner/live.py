"""LiveView: what the scan thread sees, for those who watch; it costs nothing while nobody does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cardscanner.mailbox import LatestSlot
from cardscanner.records import Frame, Outline

__all__ = ["LiveView", "Outline", "Scene"]

_STILL_TRUE_NS = 1_000_000_000
"""Outlines of a frame so much older than the camera's newest one are of another moment."""


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
            if self._watchers == 0:
                self.scenes.take(0)  # what was left there when the last one stopped watching
            self._watchers += 1
        try:
            yield self.scenes
        finally:
            with self._lock:
                self._watchers -= 1


def newest_scene(live: LiveView, slot: LatestSlot[Frame]) -> Scene | None:
    """Return what the camera sees now, with outlines if anybody follows them; ``None`` before any frame.

    While scanning is paused, or its accelerator is missing, frames come without outlines.
    """
    frame, scene = slot.newest, live.scenes.newest
    if frame is None:
        return scene
    if scene is not None and frame.captured_ns - scene.frame.captured_ns < _STILL_TRUE_NS:
        return scene
    return Scene(frame, ())
