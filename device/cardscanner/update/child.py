"""A command of ours in a process of its own: what a bad release breaks there, it does not break here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_GRACE_S = 2.0


class Child:
    """Runs ``cardscanner`` with arguments; it says JSON objects, one a line."""

    def __init__(self, arguments: Sequence[str], *, nice: int = 0) -> None:
        self._began_s = time.monotonic()
        self._rest = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cardscanner", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if nice:
            with suppress(PermissionError):  # a sandbox may forbid it
                os.setpriority(os.PRIO_PROCESS, self._process.pid, nice)
        if self._process.stdout is None:
            raise OSError("the child has no output")
        self._output = self._process.stdout.fileno()
        os.set_blocking(self._output, False)

    @property
    def age_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._began_s

    def said(self) -> list[dict[str, Any]]:
        """Return what it has said since the last call."""
        while chunk := self._chunk():
            self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        return [document for line in lines if isinstance(document := _document(line), dict)]

    def ended(self) -> str | None:
        """Return how it ended: ``""`` well, or in words; ``None`` while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        if code < 0:
            return f"it was killed by {signal.Signals(-code).name}"
        return f"it ended with exit code {code}" if code else ""

    def close(self) -> None:
        """End it if it still runs, and let go of it; what it was doing can be taken up again."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _chunk(self) -> bytes:
        try:
            return os.read(self._output, 1 << 16)
        except BlockingIOError:
            return b""


def _document(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:  # a line for people
        return None
