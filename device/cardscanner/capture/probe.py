"""One frame from the configured camera, for ``cardscanner check``."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass

from cardscanner.capture import open_source
from cardscanner.config import CameraConfig


@dataclass(frozen=True, slots=True)
class CameraFinding:
    """What a camera gave when it was tried."""

    camera: str
    backend: str
    width: int
    height: int
    first_frame_ms: float
    """From the start of opening to the first frame."""


def probe_camera(config: CameraConfig) -> CameraFinding:
    """Open the camera, take one frame, close it.

    Raises
    ------
    CameraLost, ConfigError, InputError
        Why it cannot be used, and what to do.
    """
    start_ns = time.monotonic_ns()
    with closing(open_source(config)) as source:
        frame = source.read(config.timeout_s)
        elapsed_ms = (time.monotonic_ns() - start_ns) / 1e6
    height, width = frame.pixels.shape[:2]
    return CameraFinding(config.name, config.backend, width, height, elapsed_ms)
