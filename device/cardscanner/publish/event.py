"""From something that happened to the device to a committed message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import JsonValue

from cardscanner.publish.clock import boot_id, clock_synced
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.payload_event import EventPayload, EventType
from cardscanner.publish.rows import Stamp
from cardscanner.publish.topics import Topics


def store_event(outbox: Outbox, device_id: str, kind: EventType, data: Mapping[str, JsonValue]) -> Stamp:
    """Commit the message of an event.

    Raises
    ------
    OutboxFull, OutboxFault
        It is not stored.
    """
    synced = clock_synced()

    def compose(stamp: Stamp) -> bytes:
        return EventPayload(
            event_type=kind,
            id=stamp.id,
            epoch=stamp.epoch,
            seq=stamp.seq,
            device=device_id,
            ts=datetime.fromtimestamp(stamp.wall_ns / 1e9, UTC),
            ts_source="ntp" if synced else "unsynced",
            boot_id=boot_id(),
            mono_ms=stamp.mono_ns // 1_000_000,
            data=dict(data),
        ).to_bytes()

    return outbox.put(Topics(device_id).event, compose)
