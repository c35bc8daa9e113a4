"""Inside the camera process: open the camera, keep taking its frames, hand over those that are wanted."""

from __future__ import annotations

import mmap
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel

from cardscanner.errors import CameraLost, ConfigError
from cardscanner.records import Picture
from cardscanner.wire import HungUp, hear, say
from cardscanner.worker_process import serve

C = TypeVar("C", bound=BaseModel)
_CONFIG_WITHIN_S = 10.0


class LiveCamera(Protocol):
    """A camera that is open and running."""

    width: int
    height: int

    def grab(self) -> Picture:
        """Wait for the next picture and return it, in memory that is not used again.

        Raises
        ------
        CameraLost
            It did not come.
        """

    def close(self) -> None:
        """Release the camera; may hang, then the process is killed."""


def serve_camera(config_type: type[C], open_camera: Callable[[C], LiveCamera]) -> None:
    """Be the camera process; the module of each live camera calls this when it is run as a program.

    ``open_camera`` may raise CameraLost and ConfigError.
    """
    link, memory_fd = serve()
    try:
        camera = open_camera(_receive_config(link, config_type))
        try:
            _deliver(camera, link, memory_fd)
        except HungUp:
            camera.close()
    except CameraLost as error:
        _leave(link, "lost", error)
    except ConfigError as error:
        _leave(link, "config", error)


def _receive_config(link: socket.socket, config_type: type[C]) -> C:
    words = hear(link, _CONFIG_WITHIN_S)
    if words is None:
        raise CameraLost("the camera process was started without a configuration")
    return config_type.model_validate(words[0])


def _deliver(camera: LiveCamera, link: socket.socket, memory_fd: int) -> NoReturn:
    size = camera.height * camera.width * 3
    os.ftruncate(memory_fd, size)
    memory: Picture = np.ndarray(
        (camera.height, camera.width, 3), np.uint8, buffer=mmap.mmap(memory_fd, size)
    )
    say(link, "open", camera.width, camera.height)
    _stream(camera, link, memory)


def _stream(camera: LiveCamera, link: socket.socket, memory: Picture) -> NoReturn:
    """Take every frame, so that drivers queue up no old ones; hand over what is wanted and new."""
    before: Picture | None = None
    wanted = False
    seq = -1
    while True:
        pixels = camera.grab()
        captured_ns = time.monotonic_ns()
        seq += 1
        _check_shape(pixels, memory)
        wanted = hear(link, 0) is not None or wanted
        # Sensor noise makes any two real frames differ. The first one has nothing to differ from yet: a
        # camera that was opened again and still shows its last picture must not pass for a working one.
        changed = before is not None and not np.array_equal(before, pixels)
        before = pixels
        if wanted and changed:
            memory[...] = pixels
            say(link, "frame", seq, captured_ns)
            wanted = False
        elif wanted and seq > 0:
            say(link, "same")


def _check_shape(pixels: Picture, memory: Picture) -> None:
    if pixels.shape != memory.shape or pixels.dtype != np.uint8:
        raise CameraLost(
            f"pictures changed in mid-stream from {memory.shape} to {pixels.shape} {pixels.dtype}; "
            "the camera has to be opened again"
        )


def _leave(link: socket.socket, word: str, error: Exception) -> NoReturn:
    with suppress(HungUp):
        say(link, word, str(error))
    # Without the vendor's clean-up: picamera2's stop() waits for ever on a camera that is gone.
    os._exit(1)
