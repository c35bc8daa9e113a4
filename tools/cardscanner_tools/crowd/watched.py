"""Watched: the real ``cardscanner fleet`` on a terminal of our own, read as a person reads it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_COLUMNS, _LINES = 160, 60
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_FRAME = b"\x1b[H"


class Watched:
    """The newest picture of the command's terminal."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self.pid = process.pid
        self._terminal = terminal
        self._picture = ""
        self._over = threading.Event()
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    @property
    def picture(self) -> str:
        """What is to be seen."""
        return self._picture

    def wait_for(self, seen: Callable[[str], bool], timeout_s: float) -> float | None:
        """Wait until something is to be seen; return the seconds, or ``None``: it did not come."""
        began_s = time.monotonic()
        while time.monotonic() - began_s < timeout_s:
            if seen(self._picture):
                return time.monotonic() - began_s
            time.sleep(0.02)
        return None

    def close(self) -> None:
        """Stop reading."""
        self._over.set()
        self._reader.join(5)
        os.close(self._terminal)

    def _read(self) -> None:
        kept = b""
        while not self._over.is_set():
            if not select.select([self._terminal], [], [], 0.2)[0]:
                continue
            try:
                kept += os.read(self._terminal, 65536)
            except OSError:  # the command has ended
                return
            *_, newest = kept.split(_FRAME)
            if b"\x1b[J" in newest:  # the picture is whole
                self._picture = _ESCAPES.sub(b"", newest).decode(errors="replace")
                kept = b""
            elif len(kept) > 2**20:
                kept = newest


@contextmanager
def watched_fleet(port: int) -> Iterator[Watched]:
    """Have the command watch a broker of this machine while the block runs."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    environment = {key: value for key, value in environment.items() if key not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "cardscanner", "fleet", "--host", "127.0.0.1", "--port", str(port)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    watched = Watched(process, ours)
    try:
        yield watched
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        watched.close()
        if process.poll() is None:
            process.kill()
            process.wait(5)
