"""Cameras for tests: the steering file of the picamera2 double, videos, picture folders, a live HTTP stream."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

DOUBLES = Path(__file__).parent / "doubles"
BARS = np.array([[[220, 20, 20], [20, 220, 20], [20, 20, 220]]], np.uint8)
"""Red, green, blue from left to right: what every camera here shows."""


def bars(width: int, height: int, number: int = 0) -> np.ndarray:
    """Draw the bars in RGB, with a white mark at the bottom that moves with the number of the frame."""
    picture = cv2.resize(BARS, (width, height), interpolation=cv2.INTER_NEAREST)
    left = number * 8 % (width - 16)
    picture[-16:, left : left + 16] = 255
    return picture


def shows_bars(pixels: np.ndarray, tolerance: int = 30) -> bool:
    """Tell whether a picture holds the bars in the right colours (codecs and noise change them a little)."""
    height, width = pixels.shape[:2]
    seen = pixels[height // 4, [width // 6, width // 2, width * 5 // 6]].astype(int)
    return bool(np.abs(seen - BARS[0].astype(int)).max() <= tolerance)


def write_video(path: Path, frames: int, fps: float = 30, width: int = 160, height: int = 120) -> Path:
    """Write the bars as a video file."""
    codec = "mp4v" if path.suffix == ".mp4" else "MJPG"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec), fps, (width, height))
    for number in range(frames):
        writer.write(cv2.cvtColor(bars(width, height, number), cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def write_pictures(folder: Path, frames: int, width: int = 160, height: int = 120) -> Path:
    """Write the bars as numbered PNG files."""
    folder.mkdir(exist_ok=True)
    for number in range(frames):
        Image.fromarray(bars(width, height, number)).save(folder / f"{number:04}.png")
    return folder


def mark_of(pixels: np.ndarray) -> int:
    """Read the number of a frame (modulo the width) back from its mark."""
    white = np.flatnonzero(pixels[-4].min(axis=1) > 200)
    return int(white[0]) // 8


def with_doubles() -> str:
    """Return the module path of a process that shall meet the doubles."""
    return os.pathsep.join(filter(None, (str(DOUBLES), os.environ.get("PYTHONPATH"))))


class PicameraSteering:
    """The steering file of the picamera2 double."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "picamera2.json"
        self.environment = {"PICAMERA2_DOUBLE": str(self.path), "PYTHONPATH": with_doubles()}
        self.log = folder / "picamera2.log"
        self.set()

    def set(self, **keys: str) -> None:
        """Replace all keys."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(keys | {"log": str(self.log)}))
        fresh.replace(self.path)

    def calls(self) -> list[list]:
        """What the double was asked to do."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


class HttpCamera:
    """A network camera: multipart JPEG over HTTP, live, that can be silenced and unplugged."""

    def __init__(self, fps: float = 30, width: int = 160, height: int = 120) -> None:
        self._period_s = 1 / fps
        self._size = width, height
        self._sending = threading.Event()
        self._sending.set()
        self._plugged = threading.Event()
        self._plugged.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/live.mjpg"

    def silence(self) -> None:
        """Keep connections open and send nothing."""
        self._sending.clear()

    def unplug(self) -> None:
        """Close connections and refuse new ones."""
        self._plugged.clear()

    def replug(self) -> None:
        """Be well again."""
        self._sending.set()
        self._plugged.set()

    def close(self) -> None:
        """End the server and its connections."""
        self._plugged.clear()
        self._sending.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _stream(self, write) -> None:
        number = 0
        while self._plugged.wait(0):
            if self._sending.wait(0.05):
                jpeg = cv2.imencode(".jpg", bars(*self._size, number)[..., ::-1])[1].tobytes()
                write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg))
                write(jpeg + b"\r\n")
                number += 1
                threading.Event().wait(self._period_s)

    def _handler(camera) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if not camera._plugged.is_set():
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    camera._stream(self.wfile.write)
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: object) -> None:
                pass

        return Handler


def children_of(pid: int) -> list[int]:
    """Process ids of the children of a process, zombies included."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return found


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
