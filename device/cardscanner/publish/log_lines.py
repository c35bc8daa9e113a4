"""LogLines: warnings and errors on their way to the topic ``log``, about one a second."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any, Literal

from cardscanner.publish.pacing import Pace
from cardscanner.publish.payload_log import LogPayload

PER_S, BURST = 1.0, 10
_MOST_WAITING = 50


class LogLines:
    """A processor of the log in every thread; the publish thread takes the lines out again."""

    def __init__(
        self, level: Literal["warning", "error"], clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._level = getattr(logging, level.upper())
        self._clock_s = clock_s
        self._pace = Pace(PER_S, BURST)
        self._lock = threading.Lock()
        self._lines: deque[LogPayload] = deque()
        self._suppressed = 0

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Note a line whose secrets are already hidden, and pass it on."""
        if getattr(logging, str(event.get("level", "info")).upper(), 0) >= self._level:
            line = _payload(event)
            with self._lock:
                if len(self._lines) < _MOST_WAITING:
                    self._lines.append(line)
                else:
                    self._suppressed += 1
        return event

    def next(self) -> LogPayload | None:
        """Return the next line, unless it is too early for it or there is none."""
        with self._lock:
            now_s = self._clock_s()
            if not self._lines or self._pace.wait_s(now_s) > 0:
                return None
            self._pace.take(now_s)
            line, suppressed = self._lines.popleft(), self._suppressed
            self._suppressed = 0
        return line.model_copy(update={"suppressed": suppressed})


def _payload(event: MutableMapping[str, Any]) -> LogPayload:
    known = {"event", "level", "timestamp", "exc_info"}
    rest = {key: value for key, value in event.items() if key not in known}
    fields = json.loads(json.dumps(rest, default=str))
    level = event["level"]
    return LogPayload(
        level=level if level in {"warning", "error"} else "critical",
        event=str(event.get("event", "")),
        ts=str(event.get("timestamp", "")),
        fields=fields,
    )
