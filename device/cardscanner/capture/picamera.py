"""The Pi's camera through picamera2. Runs inside the camera process, and only there.

picamera2 names formats as little-endian words: "BGR888" is R, G, B in memory, which is what we want, and
"RGB888" is B, G, R.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cardscanner.capture.picture_size import check_size
from cardscanner.capture.worker import serve_camera
from cardscanner.config import PicameraConfig
from cardscanner.errors import CameraLost, ConfigError
from cardscanner.records import Picture

_RGB_IN_MEMORY = "BGR888"
_CABLE = "switch the Pi off, push both ends of the camera's ribbon cable home, start it again"


class PicameraCamera:
    """A started picamera2 camera."""

    def __init__(self, camera: Any, config: PicameraConfig) -> None:
        self._camera = camera
        self._timeout_s = config.timeout_s
        self.width = config.width
        self.height = config.height

    def grab(self) -> Picture:
        """Return the next picture; see :class:`cardscanner.capture.worker.LiveCamera`."""
        try:
            # Never wait=True: a camera whose cable came off would keep us for ever.
            picture: Picture = self._camera.capture_array("main", wait=self._timeout_s)
        except TimeoutError:
            raise CameraLost(f"no picture for {self._timeout_s:g} s; {_CABLE}") from None
        except RuntimeError as error:
            raise CameraLost(f"picamera2 failed while it took a picture: {error}; {_CABLE}") from error
        return picture

    def close(self) -> None:
        """Release the camera; hangs when the camera is gone (raspberrypi/picamera2#1065)."""
        self._camera.stop()
        self._camera.close()


def open_picamera(config: PicameraConfig) -> PicameraCamera:
    """Open, configure and start the first camera of the Pi.

    Raises
    ------
    CameraLost
        No camera, a camera in use, or one that cannot do the size.
    ConfigError
        picamera2 is not installed, or the sensor does not have a control.
    """
    camera = _take_camera()
    controls = _checked_controls(config.controls, camera.camera_controls)
    frame_us = round(1e6 / config.fps)
    try:
        camera.configure(
            camera.create_video_configuration(
                main={"size": (config.width, config.height), "format": _RGB_IN_MEMORY},
                controls={"FrameDurationLimits": (frame_us, frame_us), **controls},
            )
        )
        camera.start()
    except RuntimeError as error:
        raise CameraLost(
            f"picamera2 cannot set up {config.width} x {config.height} at {config.fps:g} fps: {error}"
        ) from error
    width, height = camera.camera_configuration()["main"]["size"]
    check_size((config.width, config.height), (width, height))
    return PicameraCamera(camera, config)


def _take_camera() -> Any:
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        raise ConfigError(
            f"camera.backend: picamera2 cannot be imported ({error}): sudo apt install python3-picamera2, "
            "and make the environment with --system-site-packages; on other machines choose backend opencv"
        ) from error
    try:
        return Picamera2()
    except IndexError:
        raise CameraLost(
            f"no camera found (rpicam-hello --list-cameras shows what there is); {_CABLE}"
        ) from None
    except RuntimeError as error:
        raise CameraLost(
            f"the camera cannot be opened: {error.__cause__ or error}; another program may be using it "
            "(sudo fuser -v /dev/video* /dev/media*)"
        ) from error


def _checked_controls(wanted: Mapping[str, Any], available: Mapping[str, Any]) -> dict[str, Any]:
    for name in wanted:
        if name not in available:
            raise ConfigError(
                f"camera.controls.{name}: this camera does not have the control; "
                f"it has {', '.join(sorted(available))}"
            )
    return {name: _control_value(name, value) for name, value in wanted.items()}


def _control_value(name: str, value: Any) -> Any:
    """Turn the word of an enumeration, such as ``AfMode: Manual``, into libcamera's value."""
    if not isinstance(value, str):
        return value
    from libcamera import controls

    kind = getattr(controls, f"{name}Enum", None) or getattr(controls.draft, f"{name}Enum", None)
    if kind is None:
        raise ConfigError(f"camera.controls.{name}: takes a number, not {value!r}")
    if value not in kind.__members__:
        raise ConfigError(
            f"camera.controls.{name}: {value!r} is not one of {', '.join(sorted(kind.__members__))}"
        )
    return kind.__members__[value]


if __name__ == "__main__":
    serve_camera(PicameraConfig, open_picamera)
