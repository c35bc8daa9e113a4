"""The real daemon as a child process: ``cardscanner run``, its log lines, its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

from brokers import Mosquitto

QUICK = {"gone_s": 0.05, "min_frames": 2, "max_frames": 4}
"""Decisions for films in which cards come and go within a few frames."""


def looping(**more: Any) -> dict[str, Any]:
    """Return the camera section for a film that is played over and over, as fast as it is scanned."""
    return {"backend": "replay", "path": "frames", "paced": False, "loop": True, **more}


def mqtt(broker: Mosquitto, **more: Any) -> dict[str, Any]:
    """Return the publish section for a test broker."""
    return {"backend": "mqtt", "host": "127.0.0.1", "port": broker.port, **more}


def flip(path: Path, at: float = 0.5) -> None:
    """Flip one bit of a file, as far into it as ``at`` says."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 0x40
    path.write_bytes(data)


def edit(path: Path, old: str, new: str) -> None:
    """Change a text file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def daemon_command(config: Path) -> list[str]:
    """Return the command that runs the daemon."""
    return [sys.executable, "-m", "cardscanner", "run", "--config", str(config)]


class Daemon:
    """Runs until the block ends; what it says goes to a file beside its configuration."""

    def __init__(self, config: Path, **environment: str) -> None:
        self.log = config.with_suffix(".log")
        self.log.write_bytes(b"")
        self.process = subprocess.Popen(
            daemon_command(config),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )
        self._journal = threading.Thread(target=self._keep_journal, daemon=True)
        self._journal.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self._journal.join(10)

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    def ask_to_reload(self) -> None:
        """Send SIGHUP."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self, timeout_s: float = 30.0) -> int:
        """Send SIGTERM and return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.end(timeout_s)

    def end(self, timeout_s: float = 90.0) -> int:
        """Wait for its end and return the exit status."""
        status = self.process.wait(timeout_s)
        self._journal.join(10)
        return status

    def said(self, event: str | None = None) -> list[dict[str, Any]]:
        """Return its log lines and the scan events that it printed; with ``event`` only those log lines."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [each for each in found if event is None or each.get("event") == event]

    def await_line(self, event: str, count: int = 1, timeout_s: float = 60.0) -> dict[str, Any]:
        """Wait until it has said something ``count`` times; return the last of those lines."""
        end_s = time.monotonic() + timeout_s
        while len(found := self.said(event)) < count:
            ended = self.process.poll()
            assert ended is None, f"ended with {ended}: {self.tail()}"
            assert time.monotonic() < end_s, f"{event!r} was said {len(found)} times: {self.tail()}"
            time.sleep(0.05)
        return found[-1]

    def _keep_journal(self) -> None:
        """Take what it says through a pipe, as journald does: a full disk of its own does not silence it."""
        assert self.process.stdout is not None
        with self.process.stdout as pipe, self.log.open("ab", buffering=0) as log:
            while said := os.read(pipe.fileno(), 65536):
                log.write(said)

    def tail(self) -> str:
        """Return the end of what it said."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
