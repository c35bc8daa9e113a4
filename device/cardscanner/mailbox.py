"""LatestSlot: the newest frame wins, and what was lost is counted."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestSlot(Generic[T]):
    """A mailbox for one item: putting replaces what nobody has taken yet."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._item: T | None = None
        self._newest: T | None = None
        self._lost = 0

    def put(self, item: T) -> None:
        """Leave an item; one that was still waiting is lost and counted."""
        with self._ready:
            self._lost += self._item is not None
            self._item = self._newest = item
            self._ready.notify_all()

    def take(self, timeout_s: float) -> T | None:
        """Return the newest item, or ``None`` when none came within ``timeout_s``."""
        with self._ready:
            self._ready.wait_for(lambda: self._item is not None, timeout_s)
            item, self._item = self._item, None
            self._ready.notify_all()
            return item

    def wait_empty(self, timeout_s: float) -> bool:
        """Wait until everything that was put has been taken; return whether it has."""
        with self._ready:
            return self._ready.wait_for(lambda: self._item is None, timeout_s)

    @property
    def newest(self) -> T | None:
        """The item that was put last, whether or not somebody took it."""
        with self._ready:
            return self._newest

    @property
    def lost(self) -> int:
        """How many items were replaced before anyone took them."""
        with self._ready:
            return self._lost
