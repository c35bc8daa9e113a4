"""RecentLines: the newest lines of the log, for who reports a mistake."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any

from cardscanner.logs import hide_in_text

KEPT = 500

Tap = Callable[[Any, str, MutableMapping[str, Any]], MutableMapping[str, Any]]


class RecentLines:
    """A processor of the log in every thread, after secrets were hidden; ``then`` sees each line next."""

    def __init__(self, then: Tap | None = None) -> None:
        self.then = then
        self._lock = threading.Lock()
        self._lines: deque[str] = deque(maxlen=KEPT)

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Keep a line and pass it on."""
        fields = {key: value for key, value in event.items() if key != "exc_info"}
        if event.get("exc_info"):
            fields["exception"] = hide_in_text(repr(event["exc_info"]))
        line = json.dumps(fields, default=str)
        with self._lock:
            self._lines.append(line)
        return event if self.then is None else self.then(logger, method, event)

    @property
    def lines(self) -> list[str]:
        """JSON lines, oldest first."""
        with self._lock:
            return list(self._lines)
