"""A process for a device that can hang inside its driver, where no exception and no timeout reaches it.

Here it can be killed. The daemon and such a process share a link (see :mod:`cardscanner.wire`) and one piece
of memory for pictures, which has no name: the kernel frees it with the last of the two, however they end.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress

import structlog

from cardscanner.wire import HungUp, hear, say

log = structlog.get_logger(__name__)

CLOSE_WITHIN_S = 1.5
"""Given to the vendor's stop and close before the process is killed."""
REAP_WITHIN_S = 2.0
_STDERR = 2
_PR_SET_PDEATHSIG = 1


class WorkerProcess:
    """The daemon's end. The process dies with the *thread* that started it, or when it is told to."""

    def __init__(
        self, title: str, process: subprocess.Popen[bytes], link: socket.socket, memory_fd: int
    ) -> None:
        self._title = title
        self._process = process
        self._link = link
        self.memory_fd = memory_fd
        self._closed = False

    @classmethod
    def start(cls, title: str, module: str) -> WorkerProcess:
        """Run a module that calls :func:`serve` as a program.

        Raises
        ------
        OSError
            The machine gives no further process, memory or file.
        """
        with ExitStack() as on_failure:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            on_failure.enter_context(ours)
            memory_fd = os.memfd_create(f"cardscanner-{title}")
            on_failure.callback(os.close, memory_fd)
            with theirs:
                process = _run(module, theirs.fileno(), memory_fd)
            on_failure.pop_all()
        return cls(title, process, ours, memory_fd)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def say(self, *words: object) -> None:
        """Send one message; nothing happens when nobody is there."""
        with suppress(HungUp):  # why it left may still be waiting to be heard
            say(self._link, *words)

    def hear(self, timeout_s: float) -> list[object] | None:
        """Wait for a message, see :func:`cardscanner.wire.hear`."""
        return hear(self._link, timeout_s)

    def how_it_ended(self) -> str:
        """Say why it hung up."""
        try:
            status = self._process.wait(CLOSE_WITHIN_S)
        except subprocess.TimeoutExpired:
            return f"the {self._title} process hung up; it has to be started again"
        if status < 0:
            return f"the {self._title} process was killed ({signal.strsignal(-status)}); is memory short?"
        return (
            f"the {self._title} process ended with status {status}; its own words are in the log before this"
        )

    def close(self, within_s: float = CLOSE_WITHIN_S, reap_s: float = REAP_WITHIN_S) -> None:
        """Hang up, which asks it to end; wait a moment, kill it; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._link.close()
        os.close(self.memory_fd)  # the kernel frees the memory once the other process is gone too
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._kill(reap_s)

    def kill(self, reap_s: float = REAP_WITHIN_S) -> None:
        """End it at once, without asking."""
        self._process.kill()
        self.close(0, reap_s)

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def _kill(self, reap_s: float) -> None:
        self._process.kill()
        try:
            self._process.wait(reap_s)
        except subprocess.TimeoutExpired:
            log.warning(
                "process hangs in a driver and cannot be killed; restart", title=self._title, pid=self.pid
            )


def serve() -> tuple[socket.socket, int]:
    """Be such a process: return the link and the shared memory's file.

    The kernel kills this process when its parent's thread dies. The parent's signals are kept away from it:
    systemd sends SIGTERM to every process of a service; the daemon then ends this one in its own time.
    """
    link_fd, memory_fd, parent_pid = (int(word) for word in sys.argv[1:4])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it died before the line above
        os._exit(1)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return socket.socket(fileno=link_fd), memory_fd


def _run(module: str, link_fd: int, memory_fd: int) -> subprocess.Popen[bytes]:
    # -P keeps modules of the current folder out. What the vendor prints belongs to the log: stdout may carry
    # scan events. In a session of its own a Ctrl-C on the terminal reaches the daemon only.
    command = [sys.executable, "-P", "-m", module, str(link_fd), str(memory_fd), str(os.getpid())]
    return subprocess.Popen(
        command,
        pass_fds=(link_fd, memory_fd),
        stdin=subprocess.DEVNULL,
        stdout=_STDERR,
        start_new_session=True,
    )
