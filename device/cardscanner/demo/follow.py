"""Showing events as they arrive, until the daemon has ended and nothing more comes."""

from __future__ import annotations

import json
import queue
import subprocess
import time
from pathlib import Path

from cardscanner.demo.children import tail
from cardscanner.demo.judge import Heard, Judge
from cardscanner.demo.listener import Inbox
from cardscanner.demo.show import line_of
from cardscanner.errors import CardscannerError

_FIRST_FRAME = "camera delivers frames"
_QUIET_S = 3.0
"""The last events arrive within this time after the daemon has ended."""

_PATIENCE_S = 120.0
"""For start and end of the daemon, beside the length of the film."""


def follow(daemon: subprocess.Popen[bytes], log: Path, inbox: Inbox, judge: Judge) -> None:
    """Show and judge each event.

    Raises
    ------
    CardscannerError
        The daemon failed, or does not come to the end of the film.
    """
    begun_ms: float | None = None
    deadline_s = time.monotonic() + judge.seconds + _PATIENCE_S
    ended_s: float | None = None
    while ended_s is None or time.monotonic() - ended_s < _QUIET_S:
        if ended_s is None and daemon.poll() is not None:
            ended_s = time.monotonic()
        if ended_s is None and time.monotonic() > deadline_s:
            raise CardscannerError(
                f"the daemon does not come to the end of the film; its log: {log}\n{tail(log)}"
            )
        try:
            payload = inbox.get(timeout=0.25)
        except queue.Empty:
            continue
        begun_ms = begun_ms if begun_ms is not None else _film_began(log)
        heard = Heard((payload["mono_ms"] - begun_ms) / 1000, payload)
        mark = judge.mark(heard)
        if mark is not None:
            print(line_of(heard, mark), flush=True)
    if daemon.returncode != 0:
        raise CardscannerError(
            f"the daemon ended with exit code {daemon.returncode}; its log: {log}\n{tail(log)}"
        )


def _film_began(log: Path) -> float:
    """Monotonic milliseconds of the film's first frame, from the daemon's own log."""
    for line in log.read_text(encoding="utf-8").splitlines():
        if _FIRST_FRAME in line:
            return float(json.loads(line)["captured_ms"])
    raise CardscannerError(f"{log} does not say when the film began")
