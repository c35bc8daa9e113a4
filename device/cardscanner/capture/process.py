"""A live camera in a process of its own, as the daemon sees it: frames, or a clear loss; it can be killed.

Daemon to camera process: first the configuration, then ``["want"]`` for each frame it wants; hanging up asks
the process to close the camera and end.

Camera process to daemon: ``["open", width, height]`` once, then for a wanted frame either
``["frame", seq, captured_ns]`` or ``["same"]`` (a picture came that equals the one before it, bit for bit);
at the end perhaps ``["lost", why]`` or ``["config", why]``.

The shared memory holds one frame and has one owner at a time: the camera process writes only between a "want"
and its "frame", the daemon reads only between that "frame" and its next "want". So no frame is ever seen half
written, every frame is the next one after the wish for it, and frames that nobody wanted show as gaps in
``seq``.
"""

from __future__ import annotations

import mmap
import time
from contextlib import ExitStack

import numpy as np

from cardscanner.config import OpencvConfig, PicameraConfig
from cardscanner.errors import CameraLost, ConfigError
from cardscanner.records import Frame, Picture
from cardscanner.wire import HungUp
from cardscanner.worker_process import WorkerProcess

LiveConfig = PicameraConfig | OpencvConfig

OPEN_WITHIN_S = 15.0
"""Python, the vendor's library and the sensor together."""


def start_camera(config: LiveConfig, module: str, open_within_s: float = OPEN_WITHIN_S) -> CameraProcess:
    """Start ``module`` as the camera process and wait until its camera is open.

    Raises
    ------
    CameraLost, ConfigError
        What the camera process said, or that it died or hung while it opened the camera.
    """
    try:
        worker = WorkerProcess.start("camera", module)
    except OSError as error:
        raise CameraLost(f"the camera process cannot be started: {error}") from error
    with ExitStack() as on_failure:
        source = CameraProcess(config.name, config.backend, worker)
        on_failure.callback(source.close)
        source.wait_until_open(config, open_within_s)
        on_failure.pop_all()
    return source


class CameraProcess:
    """The daemon's end of a camera process; a :class:`cardscanner.ports.Source`."""

    def __init__(self, name: str, backend: str, worker: WorkerProcess) -> None:
        self._name = name
        self._title = f"camera {name!r} ({backend})"
        self._worker = worker
        self._pixels: Picture | None = None
        self._lost: CameraLost | None = None

    @property
    def pid(self) -> int:
        """Process id of the camera process."""
        return self._worker.pid

    def wait_until_open(self, config: LiveConfig, timeout_s: float) -> None:
        """Send the configuration and wait for the camera; raises as :func:`start_camera`."""
        # Over the link and not on the command line, which everyone can read: a URL may hold a password.
        self._worker.say(config.model_dump(mode="json", exclude_unset=True))
        match self._hear(timeout_s):
            case ["open", int(width), int(height)]:
                shared = mmap.mmap(self._worker.memory_fd, width * height * 3, access=mmap.ACCESS_READ)
                self._pixels = np.ndarray((height, width, 3), np.uint8, buffer=shared)
            case other:
                raise CameraLost(
                    f"{self._title} did not open within {timeout_s:g} s (heard {other}); "
                    "unplug it and plug it in again, or restart the machine"
                )

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame that the camera gives; once lost, it stays lost until it is reopened."""
        if self._pixels is None:
            raise CameraLost(f"{self._title} is closed; open it again")
        if self._lost is not None:
            raise CameraLost(str(self._lost), frozen=self._lost.frozen)
        try:
            return self._next_frame(self._pixels, timeout_s)
        except CameraLost as error:
            # Not the error itself: its traceback would keep the frame's memory.
            self._lost = CameraLost(str(error), frozen=error.frozen)
            raise

    def close(self) -> None:
        """Ask the camera process to end, wait a moment, kill it; safe to call twice."""
        self._pixels = None  # unmaps
        self._worker.close()

    def _next_frame(self, pixels: Picture, timeout_s: float) -> Frame:
        deadline = time.monotonic() + timeout_s
        self._worker.say("want")
        same = 0
        while True:
            match self._hear(deadline - time.monotonic()):
                case ["frame", int(seq), int(captured_ns)]:
                    return Frame(pixels.copy(), seq, captured_ns, self._name)
                case ["same"]:
                    same += 1
                case None:
                    raise CameraLost(self._why_no_frame(timeout_s, same), frozen=same > 0)
                case other:
                    raise CameraLost(f"{self._title} answered {other}; it has to be opened again")

    def _hear(self, timeout_s: float) -> list[object] | None:
        try:
            words = self._worker.hear(timeout_s)
        except HungUp:
            raise CameraLost(f"{self._title}: {self._worker.how_it_ended()}") from None
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
