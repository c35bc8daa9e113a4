"""LogFile: JSON lines in a file that is followed by a new one before it grows too large.

The file is opened for each line: nothing is held over a full or vanished disk, and other programs may move
it. A disk that takes no line is reported once, asked again now and then, and costs scanning nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import structlog

AGAIN_S = 60.0
"""After a failure the disk is left alone for this long."""

_json_line = structlog.processors.JSONRenderer(default=str)


class LogFile:
    """A processor of structlog that keeps a copy of each line. Safe to use from several threads."""

    def __init__(
        self, path: Path, max_bytes: int, count: int, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._count = count
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._again_s: float | None = None
        self._left_out = 0

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Write the line and pass it on."""
        line = (str(_json_line(logger, method, dict(event))) + "\n").encode(errors="backslashreplace")
        with self._lock:
            news = self._keep(line)
        if news is not None:  # outside the lock: this comes back here as a line of its own
            level, words, fields = news
            getattr(structlog.get_logger(__name__), level)(words, file=str(self._path), **fields)
        return event

    def _keep(self, line: bytes) -> tuple[str, str, dict[str, Any]] | None:
        """Return what there is to tell about the file itself."""
        if self._again_s is not None and self._clock_s() < self._again_s:
            self._left_out += 1
            return None
        try:
            self._append(line)
        except OSError as error:
            known, self._again_s = self._again_s is not None, self._clock_s() + AGAIN_S
            self._left_out += 1
            return None if known else ("warning", "the log file takes no lines", {"error": str(error)})
        if self._again_s is None:
            return None
        left_out, self._left_out, self._again_s = self._left_out, 0, None
        return "info", "the log file takes lines again", {"left_out": left_out}

    def _append(self, line: bytes) -> None:
        if self._path.exists() and self._path.stat().st_size + len(line) > self._max_bytes:
            self._move_on()
        with self._path.open("ab", buffering=0) as file:
            file.write(line)

    def _move_on(self) -> None:
        """``x.log`` becomes ``x.log.1``, ``x.log.1`` becomes ``x.log.2``, the oldest goes."""
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{n}") for n in range(1, self._count))]
        names[-1].unlink(missing_ok=True)
        for older, newer in zip(names[:0:-1], names[-2::-1], strict=True):
            if newer.exists():
                newer.replace(older)
