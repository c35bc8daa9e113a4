"""Chronicle: turns changes of the device's condition into events, each once."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import structlog
from pydantic import JsonValue

from cardscanner import __version__
from cardscanner.capture.health import CameraHealth
from cardscanner.errors import OutboxFault
from cardscanner.publish import Outbox
from cardscanner.publish.event import store_event
from cardscanner.publish.payload_event import EventType
from cardscanner.vitals import Vitals

log = structlog.get_logger(__name__)

MOST_WAITING = 100
"""Events that wait in memory while the outbox takes none; the oldest go first, and that is logged."""


class Chronicle:
    """Owned by the main thread, which calls :meth:`look` several times a second."""

    def __init__(self, outbox: Outbox, device_id: str, camera: CameraHealth, vitals: Vitals) -> None:
        self._outbox = outbox
        self._device_id = device_id
        self._camera = camera
        self._vitals = vitals
        self._waiting: deque[tuple[EventType, Mapping[str, JsonValue]]] = deque()
        self._started = False
        self._camera_lost = False
        self._npu_hung = False
        self._epoch = outbox.epoch
        if outbox.replaced is not None:
            self._epoch_changed()

    def look(self) -> None:
        """Note what has changed, and store what is to be told."""
        if self._vitals.ready.is_set() and not self._started:
            self._started = True
            self._tell("started", {"daemon": __version__})
        lost = self._camera.report().state in ("lost", "frozen")
        if lost != self._camera_lost and self._started:
            self._camera_lost = lost
            self._tell("camera_lost" if lost else "camera_back", {})
        hung = self._vitals.npu[0] == "hung"
        if hung != self._npu_hung:
            self._npu_hung = hung
            self._tell("npu_hung" if hung else "npu_back", {})
        if self._outbox.epoch != self._epoch:
            self._epoch_changed()
        self._store()

    def _epoch_changed(self) -> None:
        self._epoch = self._outbox.epoch
        kept = None if self._outbox.replaced is None else str(self._outbox.replaced)
        self._tell("outbox_epoch_changed", {"cause": self._outbox.damage, "kept_as": kept})

    def _tell(self, kind: EventType, data: Mapping[str, JsonValue]) -> None:
        self._waiting.append((kind, data))
        if len(self._waiting) > MOST_WAITING:
            log.error("an event is lost: the outbox takes none", event_type=self._waiting.popleft()[0])

    def _store(self) -> None:
        while self._waiting:
            kind, data = self._waiting[0]
            try:
                store_event(self._outbox, self._device_id, kind, data)
            except OutboxFault:  # full, or no disk: the scan thread says so
                return
            self._waiting.popleft()
