"""The camera object of the double."""

import json
import os
import threading
import time
from pathlib import Path

import numpy as np

SENSOR = (4608, 2592)
CONTROLS = {
    "AeEnable": (False, True, True),
    "AfMode": (0, 2, 0),
    "AnalogueGain": (1.12, 16.0, 1.0),
    "AwbEnable": (False, True, None),
    "AwbMode": (0, 7, 0),
    "ColourGains": (0.0, 32.0, None),
    "ExposureTime": (9, 77208384, 20000),
    "FrameDurationLimits": (17849, 220535845, None),
    "LensPosition": (0.0, 15.0, 1.0),
    "NoiseReductionMode": (0, 4, 0),
}
# Format names are little-endian words: the bytes in memory stand in the opposite order.
CHANNELS = {"BGR888": (0, 1, 2), "RGB888": (2, 1, 0), "XBGR8888": (0, 1, 2, 3), "XRGB8888": (2, 1, 0, 3)}


def steering():
    path = os.environ.get("PICAMERA2_DOUBLE", "")
    return json.loads(Path(path).read_text()) if path and Path(path).exists() else {}


def note(*words):
    if log := steering().get("log"):
        with Path(log).open("a") as file:
            file.write(json.dumps(words, default=int) + "\n")


class Picamera2:
    @staticmethod
    def global_camera_info():
        if steering().get("camera") == "absent":
            return []
        return [{"Model": "imx708", "Location": 2, "Rotation": 180, "Id": "/base/imx708@1a", "Num": 0}]

    def __init__(self, camera_num=0, verbose_console=None, tuning=None, allocator=None):
        self.is_open = False
        self.started = False
        self.global_camera_info()[camera_num]
        if steering().get("camera") == "busy":
            cause = RuntimeError("Failed to acquire camera: Device or resource busy")
            raise RuntimeError("Camera __init__ sequence did not complete.") from cause
        self.is_open = True
        self.camera_config = {}
        self.controls = {}
        self._dead = False
        self._rng = np.random.default_rng()
        self._still = None
        if words := steering().get("prints"):
            print(words)
        note("open")

    @property
    def camera_controls(self):
        fixed = steering().get("focus") == "fixed"
        return {k: v for k, v in CONTROLS.items() if not (fixed and k in ("AfMode", "LensPosition"))}

    def create_video_configuration(
        self, main=None, lores=None, raw=None, buffer_count=6, controls=None, queue=True
    ):
        if not self.is_open:
            raise RuntimeError("Camera not opened")
        main, controls = main or {}, controls or {}
        for key in main:
            if key not in ("format", "size", "stride", "preserve_ar"):
                raise ValueError(
                    f"Bad key {key!r}: valid stream configuration keys are ('format', 'size', 'stride', 'preserve_ar')"
                )
        main = {"format": "XBGR8888", "size": (1280, 720), "preserve_ar": True} | main
        width, height = main["size"]
        main["size"] = (width - width % 2, height - height % 2)
        controls = {"NoiseReductionMode": 1, "FrameDurationLimits": (33333, 33333)} | controls
        return {
            "use_case": "video",
            "main": main,
            "lores": lores,
            "raw": raw,
            "buffer_count": buffer_count,
            "controls": controls,
            "queue": queue,
        }

    def configure(self, camera_config):
        if self.started:
            raise RuntimeError("Camera must be stopped before configuring")
        main = dict(camera_config["main"])
        if main["format"] not in CHANNELS:
            raise RuntimeError("Bad format " + main["format"] + " in stream main")
        width, height = main["size"]
        main["size"] = (min(width, SENSOR[0]), min(height, SENSOR[1]))  # status "Adjusted", not an error
        self.camera_config = camera_config | {"main": main}
        self.controls = {}
        self.set_controls(camera_config["controls"])
        note("configure", main["size"], main["format"], camera_config["controls"])

    def set_controls(self, controls):
        for name, value in controls.items():
            if name not in self.camera_controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
            self.controls[name] = value

    def camera_configuration(self):
        return self.camera_config

    def start(self):
        if not self.camera_config:
            raise RuntimeError("Camera has not been configured")
        if steering().get("start") == "hangs":
            threading.Event().wait()
        self.started = True
        self._period_s = self.controls["FrameDurationLimits"][0] / 1e6
        self._started_s = time.monotonic()
        self._taken = 0

    def capture_array(self, name="main", wait=None):
        """Raise TimeoutError after ``wait`` seconds; ``None`` and ``True`` wait for ever."""
        if wait is False or wait == 0:
            raise NotImplementedError("the double has no jobs that are waited for later")
        due_s = self._started_s + (self._taken + 1) * self._period_s
        limit_s = float("inf") if wait is None or wait is True else wait
        pause_s = max(0.0, due_s - time.monotonic())
        time.sleep(min(pause_s, limit_s))
        if steering().get("stream") == "unplugged":
            self._dead = True
        if steering().get("stream") == "failing":
            raise RuntimeError("failed to find buffer")
        if self._dead or pause_s > limit_s:
            if limit_s == float("inf"):
                threading.Event().wait()
            time.sleep(max(0.0, limit_s - pause_s))
            raise TimeoutError
        self._taken = int((time.monotonic() - self._started_s) / self._period_s)
        return self._picture(self.camera_config[name])

    def stop(self):
        if not self.started:
            return
        if self._dead or steering().get("stop") == "hangs":
            threading.Event().wait()
        self.started = False
        note("stop")

    def close(self):
        if not self.is_open:
            return
        self.stop()
        self.is_open = False
        note("close")

    def _picture(self, stream):
        mode = steering().get("stream", "live")
        if mode == "frozen" and self._still is not None:
            return self._still.copy()
        width, height = stream["size"]
        if mode == "flashing":
            return np.full((height, width, len(CHANNELS[stream["format"]])), self._taken * 37 % 251, np.uint8)
        rgbx = np.full((height, width, 4), 255, np.uint8)
        if mode == "dark":  # a covered lens: sensor noise, and nothing else
            rgbx[..., :3] = self._rng.integers(0, 8, (height, width, 3), np.uint8)
        else:
            rgbx[..., :3] = 0 if mode == "black" else self._scene(width, height)
        self._still = np.ascontiguousarray(rgbx[..., CHANNELS[stream["format"]]])
        return self._still.copy()

    def _scene(self, width, height):
        if path := steering().get("scene"):
            scene = np.load(path)
        else:
            scene = np.full((1, 3, 3), 20, np.uint8)
            scene[0, [0, 1, 2], [0, 1, 2]] = 220
        rows = np.arange(height) * scene.shape[0] // height
        columns = np.arange(width) * scene.shape[1] // width
        noise = self._rng.integers(0, 3, (height, width, 3), np.uint8)
        return np.minimum(scene[rows][:, columns], 253) + noise
