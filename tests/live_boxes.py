"""A whole live box in miniature: the real daemon on the doubles of camera and chip, with a broker beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from brokers import Mosquitto
from daemons import Daemon, mqtt
from fake_cameras import PicameraSteering
from fake_chips import ChipSteering
from fake_hefs import hailo_thumbnail_model
from listeners import Listener
from small_scanner import FRAME_H, FRAME_W, photo, small_scanner, table
from thumbnails import thumbnail_model


class LiveBox:
    """``camera`` and ``chip`` steer the doubles; call :meth:`daemon` for the daemon."""

    def __init__(self, root: Path, broker: Mosquitto, *, hailo: bool = False) -> None:
        make_model = _hailo_model if hailo else thumbnail_model
        self.scanner = small_scanner(root / "scanner", 6, (), make_model=make_model)
        self.camera = PicameraSteering(root)
        self.chip = ChipSteering(root)
        self._root = root
        self._shown = ""
        camera = {"backend": "picamera2", "width": FRAME_W, "height": FRAME_H, "fps": 12}
        sections: dict[str, Any] = {
            "camera": camera,
            "publish": mqtt(broker),
            "decide": {"report_no_match": True},
        }
        if hailo:
            sections["embedder"] = {"backend": "hailo", "model": "model", "timeout_ms": 800}
        self.config = self.scanner.config(**sections)

    def daemon(self, **environment: str) -> Daemon:
        """Start the daemon."""
        return Daemon(self.config, **{**self.camera.environment, **self.chip.environment, **environment})

    def show(self, card: int | None, **faults: str) -> None:
        """Lay a card before the camera, or nothing, and give the camera faults or none."""
        path = self._root / f"scene-{card}.npy"
        if not path.exists():
            np.save(path, table() if card is None else photo(card))
        self._shown = str(path)
        self.fault(**faults)

    def fault(self, **faults: str) -> None:
        """Give the camera faults, or none; what it looks at stays."""
        self.camera.set(scene=self._shown, **faults)


def _hailo_model(folder: Path) -> Path:
    return hailo_thumbnail_model(folder, 16, 224)


def seconds_until(
    listener: Listener, fits: Callable[[dict[str, Any]], bool], timeout_s: float = 60.0
) -> float:
    """Wait for a state that was published from now on; return how long it took to come."""
    begun_s = time.monotonic()
    told = len(listener.heard("/state"))

    def came(_heard: object) -> bool:
        return any(fits(each.json()) for each in listener.heard("/state")[told:])

    listener.wait_for(came, timeout_s)
    return time.monotonic() - begun_s


def seconds_until_told(listener: Listener, event_type: str, timeout_s: float = 60.0) -> float:
    """Wait for the box's only event of that type; return how long it took to come."""
    begun_s = time.monotonic()
    listener.wait_for(
        lambda _heard: event_type in [each.json()["event_type"] for each in listener.heard("/event")],
        timeout_s,
    )
    return time.monotonic() - begun_s


def events_of(listener: Listener) -> list[tuple[str, str | None]]:
    """What was decided: kind and card."""
    scans = [each.json() for each in listener.heard("/scan")]
    return [(each["event_type"], (each["card"] or {}).get("card_id")) for each in scans]
