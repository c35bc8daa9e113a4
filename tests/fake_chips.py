"""Chips for tests in which HailoRT runs in other processes: the steering file of the hailo_platform double."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fake_cameras import with_doubles

ABSENT: dict[str, Any] = {"chips": {}}
MISMATCH: dict[str, Any] = {"driver_version": "4.20.0"}


class ChipSteering:
    """The steering file; ``chip.lock`` beside it lets processes exclude each other, as a real chip does."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "chip.json"
        self.environment = {"HAILO_DOUBLE": str(self.path), "PYTHONPATH": with_doubles()}
        self._lock = folder / "chip.lock"
        self.set()

    def set(self, **fields: Any) -> None:
        """Replace all fields of :class:`hailo_platform.world.World` that are not as usual."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(fields | {"lock_file": str(self._lock)}))
        fresh.replace(self.path)
