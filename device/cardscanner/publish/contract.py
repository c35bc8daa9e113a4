"""The MQTT contract as a table: every topic with its direction, QoS, retain flag and payload.

The documents in docs/mqtt and the tests' own check of every message come from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cardscanner.publish.payload import Payload, ScanPayload
from cardscanner.publish.payload_ack import AckPayload
from cardscanner.publish.payload_answer import (
    BackupData,
    CorrectionData,
    ExportData,
    IdentifyData,
    PingData,
    ReplayData,
    ScanningData,
    SelftestData,
    SetData,
    SnapshotData,
    UndoData,
)
from cardscanner.publish.payload_event import EventPayload
from cardscanner.publish.payload_info import InfoPayload
from cardscanner.publish.payload_log import LogPayload
from cardscanner.publish.payload_request import (
    CorrectionRequest,
    ExportRequest,
    IdentifyRequest,
    ReplayRequest,
    Request,
    RollbackRequest,
    ScanningRequest,
    SetRequest,
    SnapshotRequest,
    UndoRequest,
    UpdateRequest,
)
from cardscanner.publish.payload_state import StatePayload
from cardscanner.publish.payload_update import UpdatePayload


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic below ``cardscanner/<device_id>/``."""

    name: str
    says: Literal["device", "client"]
    qos: Literal[0, 1]
    retain: bool
    payload: type[Payload] | None
    """``None``: no JSON but ``content_type``."""
    about: str
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Command:
    """One command: the topics ``cmd/<name>`` and ``rsp/<name>``."""

    name: str
    request: type[Request]
    data: type[Payload] | None
    """What a good answer brings; ``None``: nothing."""
    about: str


CHANNELS = (
    Channel("status", "device", 1, True, None, "online or offline; also the will", "text/plain"),
    Channel("info", "device", 1, True, InfoPayload, "what the device is; on connecting and on change"),
    Channel("state", "device", 1, True, StatePayload, "how the device is; every 30 s and on change"),
    Channel("scan", "device", 1, False, ScanPayload, "one for each decided card, at least once"),
    Channel("last", "device", 1, True, ScanPayload, "the newest match that was delivered"),
    Channel(
        "last/image", "device", 0, False, None, "the newest match's picture; off by default", "image/jpeg"
    ),
    Channel("event", "device", 1, False, EventPayload, "what happened to the device, at least once"),
    Channel("update", "device", 1, True, UpdatePayload, "the card database in use, for Home Assistant"),
    Channel("log", "device", 0, False, LogPayload, "warnings and errors; off by default"),
    Channel("ack/{consumer}", "client", 1, False, AckPayload, "a consumer says how far it has everything"),
)

COMMANDS = {
    command.name: command
    for command in (
        Command("ping", Request, PingData, "is anybody there"),
        Command("status", Request, StatePayload, "the state of now"),
        Command("scanning", ScanningRequest, ScanningData, "pause or go on"),
        Command("snapshot", SnapshotRequest, SnapshotData, "the newest frame of the camera"),
        Command("reload", Request, None, "read the configuration again"),
        Command("set", SetRequest, SetData, "change the configuration for good"),
        Command("replay", ReplayRequest, ReplayData, "send delivered scans and events again"),
        Command("export", ExportRequest, ExportData, "the scans that the outbox still holds, as one text"),
        Command("update", UpdateRequest, None, "install a version"),
        Command("rollback", RollbackRequest, None, "go back to the version before"),
        Command("backup", Request, BackupData, "copy outbox, configuration and corrections on the device"),
        Command("identify", IdentifyRequest, IdentifyData, "blink"),
        Command("restart", Request, None, "end and start the scanner's process"),
        Command("selftest", Request, SelftestData, "try every part that can be tried beside scanning"),
        Command("correction", CorrectionRequest, CorrectionData, "say which card a scan really was"),
        Command("undo", UndoRequest, UndoData, "let a scan count no more, or again"),
    )
}
