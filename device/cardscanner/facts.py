"""What the device tells about itself: the ``info`` and ``state`` messages."""

from __future__ import annotations

import platform
import shutil
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from cardscanner import __version__
from cardscanner.capture.health import CameraHealth, CameraReport
from cardscanner.config import Config
from cardscanner.history import History
from cardscanner.manifest import DatabaseManifest, ModelManifest, listed
from cardscanner.publish import Outbox
from cardscanner.publish.clock import clock_synced
from cardscanner.publish.payload_info import DatabaseInfoPayload, InfoPayload, ModelInfoPayload
from cardscanner.publish.payload_state import (
    CameraState,
    ClockState,
    DiskState,
    HistoryState,
    NpuState,
    OutboxState,
    PowerState,
    ScanCounts,
    StatePayload,
)
from cardscanner.publish.topics import Topics
from cardscanner.soc import power_reasons, throttled_bits
from cardscanner.vitals import Vitals

_MODEL_NAME = Path("/proc/device-tree/model")
_SERIAL = Path("/proc/device-tree/serial-number")


class DeviceFacts:
    """Answers the publisher's questions; quick, and safe from its thread."""

    def __init__(
        self,
        config: Config,
        model: ModelManifest,
        database: DatabaseManifest,
        camera: CameraHealth,
        outbox: Outbox,
        vitals: Vitals,
        history: History | None = None,
    ) -> None:
        self._config = config
        self._model = model
        self._database = database
        self._camera = camera
        self._outbox = outbox
        self._vitals = vitals
        self._history = history
        self._network = listed(
            config.embedder.model,
            model.files,
            "model.hef" if config.embedder.backend == "hailo" else "model.onnx",
        )
        self.stopping = False

    def info(self) -> InfoPayload:
        """What the device is."""
        config, model = self._config, self._model
        database = self._vitals.database or self._database
        return InfoPayload(
            device=config.device_id,
            game=config.game,
            serial=_device_tree(_SERIAL),
            hw=_device_tree(_MODEL_NAME) or platform.machine(),
            os=self._os,
            python=platform.python_version(),
            daemon=__version__,
            model=ModelInfoPayload(name=model.name, version=model.version, sha256=self._network.sha256),
            db=DatabaseInfoPayload(
                name=database.name, version=database.version, sha256=database.sha256, cards=database.cards
            ),
            cameras=(config.camera.name,),
            topics=Topics(config.device_id).named(),
        )

    def state(self) -> StatePayload:
        """How the device is."""
        camera = self._camera.report()
        condition, warm = self._vitals.npu
        throttled = throttled_bits()
        reasons = {*self._vitals.reasons, *power_reasons(throttled)}
        if camera.blind:
            reasons.add(f"camera_{camera.state}")
        return StatePayload(
            ts=datetime.now(UTC),
            lifecycle=self._lifecycle(reasons),
            reasons=tuple(sorted(reasons)),
            scanning=self._vitals.ready.is_set() and camera.state == "ok" and not self._vitals.paused,
            camera=CameraState(state=_told(camera), fps=round(camera.fps, 1)),
            npu=NpuState(state=condition, temp_c=warm),
            outbox=self._outbox_state(),
            disk=DiskState(free_bytes=shutil.disk_usage(self._config.outbox.path.parent).free),
            history=self._history_state(),
            clock=ClockState(synced=clock_synced()),
            power=PowerState(throttled=throttled),
            scans=ScanCounts(**self._vitals.scans, last_hour=self._vitals.scans_last_hour),
            uptime_s=round(self._vitals.uptime_s, 1),
        )

    def _lifecycle(self, reasons: set[str]) -> Literal["starting", "ready", "degraded", "stopping"]:
        if self.stopping:
            return "stopping"
        if not self._vitals.ready.is_set():
            return "starting"
        return "degraded" if reasons else "ready"

    def _outbox_state(self) -> OutboxState:
        backlog = self._outbox.backlog()
        return OutboxState(depth=backlog.depth, oldest_age_s=backlog.oldest_age_s)

    def _history_state(self) -> HistoryState | None:
        history = self._history
        if history is None:
            return None
        return HistoryState(scans=history.stored_scans, bytes=history.stored_bytes)

    @cached_property
    def _os(self) -> str:
        release = platform.freedesktop_os_release() if Path("/etc/os-release").is_file() else {}
        return release.get("PRETTY_NAME", platform.system())


def _told(camera: CameraReport) -> Literal["ok", "lost", "frozen", "black"]:
    # No frames come before the first one, nor after the end of a recording.
    return camera.state if camera.state in ("ok", "frozen", "black") else "lost"


def _device_tree(path: Path) -> str | None:
    return path.read_text(encoding="ascii", errors="ignore").strip("\0\n ") if path.is_file() else None
