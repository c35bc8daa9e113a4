"""The box's page on a real server, around a control room without a daemon; scans are stored by hand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import yaml
from brokers import free_port
from control_rooms import Bench
from scans import FACTS, scan_event
from small_scanner import photo

from cardscanner.capture.health import CameraHealth
from cardscanner.history.keeping import keep_history
from cardscanner.live import LiveView
from cardscanner.manifest import load_model_manifest
from cardscanner.probe import Probe
from cardscanner.publish.scan import store_message
from cardscanner.records import Decision, Frame
from cardscanner.shipped import shipped_database, shipped_model
from cardscanner.web.accounts import Accounts
from cardscanner.web.logins import Logins
from cardscanner.web.room import WebRoom, web_folder
from cardscanner.web.server import serve_page

PASSWORD = "correct horse battery"


class PageBench:
    """A page with an admin ``ada`` and a viewer ``bob``."""

    def __init__(self, path: Path, port: int) -> None:
        self.bench = Bench(path)
        control = self.bench.room
        assert control.config.web is not None
        self.live, self.probe, self.camera = LiveView(), Probe(), CameraHealth()
        folder = web_folder(control.config)
        accounts = Accounts.open(folder)
        self.logins = Logins(folder, accounts)
        accounts.add("ada", PASSWORD, "admin")
        accounts.add("bob", PASSWORD, "viewer")
        self.room = WebRoom(
            control.config.web,
            control,
            self.bench.desk,
            self.camera,
            load_model_manifest(control.config.embedder.model),
            self.live,
            self.probe,
            list,
            accounts,
            self.logins,
        )
        self.url = f"http://127.0.0.1:{port}"
        self._threads = [
            threading.Thread(target=body, args=(control.stopping,))
            for body in (
                serve_page(self.room),
                keep_history(control.config, self.bench.history, self.bench.outbox, control.vitals),
            )
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        end_s = time.monotonic() + 20
        while True:
            try:
                httpx.get(f"{self.url}/health/live")
            except httpx.TransportError:
                assert time.monotonic() < end_s
                time.sleep(0.02)
            else:
                return

    def close(self) -> None:
        self.room.control.stopping.set()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        self.bench.close()

    def client(self, name: str | None = "ada", **headers: str) -> httpx.Client:
        """Return somebody's browser; ``None``: nobody's."""
        if name is None:
            return httpx.Client(base_url=self.url, headers={"Content-Type": "application/json", **headers})
        token, user = self.logins.begin(name)
        return httpx.Client(
            base_url=self.url,
            cookies={"cardscanner_session": token},
            headers={"X-CSRF-Token": user.csrf, "Content-Type": "application/json", **headers},
            timeout=20,
        )

    def scan(self, number: int, decision: Decision = "match", *, with_photo: bool = True) -> str:
        """Store a scan as the scan thread does; return its id."""
        stamp, message = store_message(self.bench.outbox, scan_event(number, decision), FACTS)
        self.bench.history.add(message, jpeg(number) if with_photo else None)
        return stamp.id

    def film(self, seq: int = 1, card: int = 3) -> Frame:
        """Let the camera deliver a frame."""
        frame = Frame(photo(card, seed=seq), seq, time.monotonic_ns(), "top")
        self.camera.frame_came(frame.captured_ns)
        self.room.control.slot.put(frame)
        return frame


def jpeg(number: int) -> bytes:
    """A small picture of its own for each number."""
    picture = np.full((60, 43, 3), number * 20 % 256, np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


@contextmanager
def serving_page(root: Path, **sections: Any) -> Iterator[PageBench]:
    """Serve the page while the block runs, with the demo's cards."""
    port = free_port()
    document = {
        "device_id": "small",
        "camera": {"backend": "replay", "path": "frames"},
        "embedder": {"backend": "onnx", "model": str(shipped_model())},
        "index": {"database": str(shipped_database())},
        "decide": {"min_frames": 2, "max_frames": 4},
        "outbox": {"path": "outbox.db"},
        "corrections": {"folder": "corrections"},
        "publish": {"backend": "stdout"},
        "web": {"host": "127.0.0.1", "port": port},
        **sections,
    }
    path = root / "cardscanner.yaml"
    path.write_text(yaml.safe_dump(document))
    page = PageBench(path, port)
    page.start()
    try:
        yield page
    finally:
        page.close()


def read_events(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Yield server-sent events; a comment is an event ``:``."""
    name, data = "message", ""
    for line in response.iter_lines():
        if line.startswith(":"):
            yield ":", line
        elif line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
        elif not line and data:
            yield name, json.loads(data)
            name, data = "message", ""


def read_parts(response: httpx.Response) -> Iterator[bytes]:
    """Yield the JPEGs of a ``multipart/x-mixed-replace`` body."""
    boundary = response.headers["content-type"].split("boundary=")[1].encode()
    kept = b""
    for data in response.iter_bytes():
        kept += data
        while True:
            head, found, rest = kept.partition(b"\r\n\r\n")
            if not found:
                break
            assert head.startswith((b"--" + boundary, b"Content-Type: image/jpeg")), head
            length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
            if len(rest) < length + 2:
                break
            yield rest[:length]
            kept = rest[length:].removeprefix(b"\r\n")
            if kept.startswith(b"--" + boundary + b"\r\n"):
                kept = kept[len(boundary) + 4 :]
