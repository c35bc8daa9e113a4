"""USB and other V4L2 cameras, RTSP and HTTP streams, through OpenCV. Runs inside the camera process.

A V4L2 device is asked for size and speed, and what came is compared with what was asked for. A stream or a
file has the size that it has; it is compared only with what the configuration states explicitly. A file is
shown at its own speed, as a camera would.
"""

from __future__ import annotations

import re
import time
from typing import Literal

import cv2
import numpy as np

from cardscanner.capture.pace import Pace
from cardscanner.capture.picture_size import check_size
from cardscanner.capture.recording import stated_fps
from cardscanner.capture.worker import serve_camera
from cardscanner.config import OpencvConfig
from cardscanner.errors import CameraLost
from cardscanner.records import Picture

Kind = Literal["v4l2", "stream", "file"]

_STREAM_OPEN_MS = 10_000
_FPS_TOLERANCE = 0.05


class OpencvCamera:
    """An open ``cv2.VideoCapture`` that has already given a picture."""

    def __init__(self, video: cv2.VideoCapture, title: str, first: Picture, pace: Pace | None) -> None:
        self._video = video
        self._title = title
        self._pace = pace
        self.height, self.width = first.shape[:2]

    def grab(self) -> Picture:
        """Return the next picture; see :class:`cardscanner.capture.worker.LiveCamera`."""
        if self._pace is not None:
            while wait_ns := self._pace.wait_ns():
                time.sleep(wait_ns / 1e9)
            self._pace.take()
        return _read_rgb(self._video, self._title)

    def close(self) -> None:
        """Release the device or the connection."""
        self._video.release()


def open_opencv(config: OpencvConfig) -> OpencvCamera:
    """Open a device, stream or file and take one picture, to see what really comes.

    Raises
    ------
    CameraLost
        It cannot be opened, gives no picture, or gives another size or speed than was asked for.
    """
    kind = _kind_of(config.device)
    title = _without_secrets(str(config.device))
    video = _open(kind, config)
    if not video.isOpened():
        raise CameraLost(f"{title} cannot be opened; {_advice(kind)}")
    if kind == "v4l2":
        _ask(video, config)
    first = _read_rgb(video, title)
    height, width = first.shape[:2]
    check_size(_asked_size(kind, config), (width, height))
    if kind == "v4l2":
        _check_fps(config.fps, video.get(cv2.CAP_PROP_FPS))
    pace = _file_pace(video, config, title) if kind == "file" else None
    return OpencvCamera(video, title, first, pace)


def _kind_of(device: int | str) -> Kind:
    if isinstance(device, int) or device.startswith("/dev/"):
        return "v4l2"
    return "stream" if "://" in device else "file"


def _open(kind: Kind, config: OpencvConfig) -> cv2.VideoCapture:
    if kind == "v4l2":
        return cv2.VideoCapture(config.device, cv2.CAP_V4L2)
    if kind == "file":
        return cv2.VideoCapture(str(config.device), cv2.CAP_FFMPEG)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _STREAM_OPEN_MS]
    limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(config.timeout_s * 1000)]
    return cv2.VideoCapture(str(config.device), cv2.CAP_FFMPEG, limits)


def _ask(video: cv2.VideoCapture, config: OpencvConfig) -> None:
    # `set` says nothing reliable about success; the picture and the driver's speed are looked at instead.
    wishes = {
        cv2.CAP_PROP_FRAME_WIDTH: config.width,
        cv2.CAP_PROP_FRAME_HEIGHT: config.height,
        cv2.CAP_PROP_FPS: config.fps,
    }
    for key, value in wishes.items():
        if value is not None:
            video.set(key, value)


def _asked_size(kind: Kind, config: OpencvConfig) -> tuple[int | None, int | None]:
    stated = config.model_fields_set
    return (
        config.width if kind == "v4l2" or "width" in stated else None,
        config.height if kind == "v4l2" or "height" in stated else None,
    )


def _check_fps(asked: float | None, came: float) -> None:
    if asked is not None and abs(came - asked) > _FPS_TOLERANCE * asked:
        raise CameraLost(
            f"camera.fps: {asked:g} was asked for, but the camera gives {came:g} at this size; "
            "put a speed there that it has, or leave it out"
        )


def _file_pace(video: cv2.VideoCapture, config: OpencvConfig, title: str) -> Pace:
    fps = config.fps or stated_fps(video)
    if fps is None:
        raise CameraLost(f"{title} does not state its speed; put it into camera.fps")
    return Pace(fps)


def _read_rgb(video: cv2.VideoCapture, title: str) -> Picture:
    """Read one picture; here, and nowhere else, OpenCV's B, G, R becomes R, G, B."""
    came, bgr = video.read()
    if not came:
        raise CameraLost(f"{title} gives no picture any more: unplugged, switched off, or at its end")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _without_secrets(device: str) -> str:
    """Take login and query out of a URL: what is said about it ends up in logs."""
    return re.sub(r"\?.*", "?(hidden)", re.sub(r"(?<=://)[^/]*@", "(hidden)@", device))


def _advice(kind: Kind) -> str:
    match kind:
        case "v4l2":
            return "check the cable, `v4l2-ctl --list-devices`, and that no other program uses it"
        case "stream":
            return "check address, login and network, for example with `ffprobe`"
        case "file":
            return "check the path; recordings are better played by backend replay"


if __name__ == "__main__":
    serve_camera(OpencvConfig, open_opencv)
