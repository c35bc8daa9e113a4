"""Where frames come from: one factory, three kinds of source.

To add a source: a new file here, one ``case`` below, one row in ``tests/contract/test_source.py``.
"""

from __future__ import annotations

from cardscanner.config import CameraConfig, OpencvConfig, PicameraConfig, ReplayConfig
from cardscanner.ports import Source


def open_source(config: CameraConfig) -> Source:
    """Open the configured camera or recording.

    Live cameras run in a process of their own, which dies with the *thread* that opened them: open a source
    in the thread that reads it.

    Raises
    ------
    CameraLost
        The camera is not there, is in use, or is not what was asked for: try again later.
    ConfigError
        The configuration asks for what cannot be, such as a control that the sensor does not have.
    InputError
        The recording is missing or cannot be read.
    """
    match config:
        case PicameraConfig():
            from cardscanner.capture.process import start_camera

            return start_camera(config, module="cardscanner.capture.picamera")
        case OpencvConfig():
            from cardscanner.capture.process import start_camera

            return start_camera(config, module="cardscanner.capture.opencv")
        case ReplayConfig():
            from cardscanner.capture.replay import open_replay

            return open_replay(config)


def check_source(config: CameraConfig) -> None:
    """Raise :class:`InputError` when a recording cannot be opened; a camera may still come."""
    if isinstance(config, ReplayConfig):
        open_source(config).close()
