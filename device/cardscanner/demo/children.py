"""The processes of the demo: started by it, and never outliving it, whenever it is stopped."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stops:
    """The first SIGINT, SIGTERM or SIGHUP is a KeyboardInterrupt; later ones, while we clean up, are nothing.

    What we were started to ignore (``nohup``) stays ignored. Only the main thread can use it.
    """

    def __init__(self) -> None:
        self._before = {number: signal.getsignal(number) for number in _SIGNALS}
        self._holding = False
        self._asked = False

    def __enter__(self) -> Self:
        for number, before in self._before.items():
            if before is not signal.SIG_IGN:
                signal.signal(number, self._ask)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let a stop wait until the end of the block."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._asked:
            raise KeyboardInterrupt

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked:
            return
        self._asked = True
        if not self._holding:
            raise KeyboardInterrupt


@contextmanager
def child(
    command: Sequence[str], log: Path, stops: Stops, patience_s: float
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process while the block runs; its output goes to ``log``.

    It is the head of a session of its own: Ctrl-C, which a terminal sends to the whole group, reaches
    only us, and we stop everything in order.
    """
    process = None
    try:
        with log.open("wb") as out, stops.held():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        yield process
    finally:
        if process is not None:
            _end(process, patience_s)


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])


def _end(process: subprocess.Popen[bytes], patience_s: float) -> None:
    """Ask a process to end, and insist after ``patience_s``."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
