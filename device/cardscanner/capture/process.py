"""A live camera in a process of its own, as the daemon sees it: frames, or a clear loss; it can be killed."""

from __future__ import annotations

import mmap
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress

import numpy as np
import structlog

from cardscanner.capture.wire import HungUp, hear, say
from cardscanner.config import OpencvConfig, PicameraConfig
from cardscanner.errors import CameraLost, ConfigError
from cardscanner.records import Frame, Picture

log = structlog.get_logger(__name__)

LiveConfig = PicameraConfig | OpencvConfig

OPEN_WITHIN_S = 15.0
"""Python, the vendor's library and the sensor together."""
CLOSE_WITHIN_S = 1.5
"""Given to the vendor's stop and close before the process is killed."""
_REAP_WITHIN_S = 2.0
_STDERR = 2


def start_camera(config: LiveConfig, module: str, open_within_s: float = OPEN_WITHIN_S) -> CameraProcess:
    """Start ``module`` as the camera process and wait until its camera is open.

    Raises
    ------
    CameraLost, ConfigError
        What the camera process said, or that it died or hung while it opened the camera.
    """
    with ExitStack() as on_failure:
        source = _spawn(config, module)
        on_failure.callback(source.close)
        source.wait_until_open(config, open_within_s)
        on_failure.pop_all()
    return source


def _spawn(config: LiveConfig, module: str) -> CameraProcess:
    with ExitStack() as on_failure:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        on_failure.enter_context(ours)
        memory_fd = os.memfd_create("cardscanner-frame")
        on_failure.callback(os.close, memory_fd)
        with theirs:
            process = _run(module, theirs.fileno(), memory_fd)
        on_failure.pop_all()
    return CameraProcess(config.name, config.backend, process, ours, memory_fd)


def _run(module: str, link_fd: int, memory_fd: int) -> subprocess.Popen[bytes]:
    # -P keeps modules of the current folder out. What the vendor prints belongs to the log: stdout may carry
    # scan events. In a session of its own a Ctrl-C on the terminal reaches the daemon only.
    command = [sys.executable, "-P", "-m", module, str(link_fd), str(memory_fd), str(os.getpid())]
    try:
        return subprocess.Popen(
            command,
            pass_fds=(link_fd, memory_fd),
            stdin=subprocess.DEVNULL,
            stdout=_STDERR,
            start_new_session=True,
        )
    except OSError as error:
        raise CameraLost(f"the camera process cannot be started: {error}") from error


class CameraProcess:
    """The daemon's end of a camera process; a :class:`cardscanner.ports.Source`."""

    def __init__(
        self, name: str, backend: str, process: subprocess.Popen[bytes], link: socket.socket, memory_fd: int
    ) -> None:
        self._name = name
        self._title = f"camera {name!r} ({backend})"
        self._process = process
        self._link = link
        self._memory_fd = memory_fd
        self._pixels: Picture | None = None
        self._lost: str | None = None
        self._closed = False

    @property
    def pid(self) -> int:
        """Process id of the camera process."""
        return self._process.pid

    def wait_until_open(self, config: LiveConfig, timeout_s: float) -> None:
        """Send the configuration and wait for the camera; raises as :func:`start_camera`."""
        # Over the link and not on the command line, which everyone can read: a URL may hold a password.
        self._say(config.model_dump(mode="json", exclude_unset=True))
        match self._hear(timeout_s):
            case ["open", int(width), int(height)]:
                shared = mmap.mmap(self._memory_fd, width * height * 3, access=mmap.ACCESS_READ)
                self._pixels = np.ndarray((height, width, 3), np.uint8, buffer=shared)
            case other:
                raise CameraLost(
                    f"{self._title} did not open within {timeout_s:g} s (heard {other}); "
                    "unplug it and plug it in again, or restart the machine"
                )

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame that the camera gives; once lost, it stays lost until it is reopened."""
        if self._closed or self._pixels is None:
            raise CameraLost(f"{self._title} is closed; open it again")
        if self._lost is not None:
            raise CameraLost(self._lost)
        try:
            return self._next_frame(self._pixels, timeout_s)
        except CameraLost as error:
            self._lost = str(error)
            raise

    def close(self) -> None:
        """Ask the camera process to end, wait a moment, kill it; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._link.close()
        self._pixels = None  # unmaps; the kernel frees the memory once the other process is gone too
        os.close(self._memory_fd)
        try:
            self._process.wait(CLOSE_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._kill()

    def _kill(self) -> None:
        self._process.kill()
        try:
            self._process.wait(_REAP_WITHIN_S)
        except subprocess.TimeoutExpired:
            log.warning("camera process hangs in a driver and cannot be killed; restart", pid=self.pid)

    def _next_frame(self, pixels: Picture, timeout_s: float) -> Frame:
        deadline = time.monotonic() + timeout_s
        self._say("want")
        same = 0
        while True:
            match self._hear(deadline - time.monotonic()):
                case ["frame", int(seq), int(captured_ns)]:
                    return Frame(pixels.copy(), seq, captured_ns, self._name)
                case ["same"]:
                    same += 1
                case None:
                    raise CameraLost(self._why_no_frame(timeout_s, same))
                case other:
                    raise CameraLost(f"{self._title} answered {other}; it has to be opened again")

    def _say(self, word: object) -> None:
        with suppress(HungUp):  # why it left may still be waiting to be heard
            say(self._link, word)

    def _hear(self, timeout_s: float) -> list[object] | None:
        try:
            words = hear(self._link, timeout_s)
        except HungUp:
            raise CameraLost(f"{self._title}: {self._how_it_ended()}") from None
        match words:
            case ["lost", why]:
                raise CameraLost(f"{self._title}: {why}")
            case ["config", why]:
                raise ConfigError(str(why))
        return words

    def _why_no_frame(self, timeout_s: float, same: int) -> str:
        if same:
            return (
                f"{self._title} is frozen: {same} pictures in {timeout_s:g} s, bit for bit the same; "
                "check cable, lens cap and light (a live picture always has some noise)"
            )
        return f"{self._title} gave no picture for {timeout_s:g} s; check its cable and the power supply"

    def _how_it_ended(self) -> str:
        try:
            status = self._process.wait(CLOSE_WITHIN_S)
        except subprocess.TimeoutExpired:
            return "the camera process hung up; it has to be started again"
        if status < 0:
            return f"the camera process was killed ({signal.strsignal(-status)}); is memory short?"
        return f"the camera process ended with status {status}; its own words are in the log before this"
