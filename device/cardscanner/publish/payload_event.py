"""The payload of ``event``: what happened to the device itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from cardscanner.config import DEVICE_ID
from cardscanner.publish.payload import ULID, Payload, Timestamp

EventType = Literal[
    "started",
    "camera_lost",
    "camera_back",
    "npu_hung",
    "npu_back",
    "outbox_epoch_changed",
    "update_applied",
    "rolled_back",
    "scan_undone",
    "scan_redone",
]


class EventPayload(Payload):
    """Topic ``event``: one thing that happened; numbered together with the scans."""

    v: Literal[1] = 1
    event_type: EventType
    id: str = Field(pattern=ULID, description="ULID; the same in every repetition")
    epoch: str = Field(description="changes when sequence numbers begin again")
    seq: int = Field(ge=1, description="counts up by one per scan or event within an epoch")
    device: str = Field(pattern=DEVICE_ID)
    ts: Timestamp = Field(description="when it was noticed")
    ts_source: Literal["ntp", "unsynced"] = Field(description="what the wall clock was worth then")
    boot_id: str
    mono_ms: int = Field(description="monotonic clock; comparable within one boot_id")
    data: dict[str, JsonValue] = Field(default={}, description="details, by kind of event")
    replayed: bool = Field(default=False, description="sent again because the command replay asked for it")
