"""Calm: the same trouble again and again becomes one line now and then, which says how many there were."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, MutableMapping
from typing import Any

import structlog

EVERY_S = 10.0
"""The same line comes at most once in this time."""
KINDS = 10
"""So many different lines with the same words (another cause, another number) may come in that time."""
_MOST_KEPT = 500
_PLAIN = {"debug", "info"}
_NOT_THE_LINE = {"timestamp", "exc_info"}


class Calm:
    """A processor of structlog: lets a line through or drops it. Safe to use from several threads."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._until_s: dict[Hashable, float] = {}
        self._left_out: dict[Hashable, int] = {}
        self._kinds: dict[Hashable, tuple[float, int]] = {}

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Pass a line on, with ``left_out`` where lines like it were dropped since the last one."""
        if event.get("level") in _PLAIN:
            return event
        words = (event.get("level"), str(event.get("event")))
        line = (*words, repr(sorted((k, repr(v)) for k, v in event.items() if k not in _NOT_THE_LINE)))
        with self._lock:
            if not self._may_pass(words, line, self._clock_s()):
                _note(self._left_out, words, self._left_out.get(words, 0) + 1)
                raise structlog.DropEvent
            left_out = self._left_out.pop(words, 0)
        return {**event, "left_out": left_out} if left_out else event

    def _may_pass(self, words: Hashable, line: Hashable, now_s: float) -> bool:
        if now_s < self._until_s.get(line, now_s):
            return False
        end_s, count = self._kinds.get(words, (now_s + EVERY_S, 0))
        if now_s >= end_s:
            end_s, count = now_s + EVERY_S, 0
        if count >= KINDS:
            return False
        _note(self._kinds, words, (end_s, count + 1))
        _note(self._until_s, line, now_s + EVERY_S)
        return True


def _note(kept: dict[Hashable, Any], key: Hashable, value: Any) -> None:
    """Keep it as the newest; memory has an end, and the oldest goes."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > _MOST_KEPT:
        del kept[next(iter(kept))]
