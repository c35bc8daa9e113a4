"""The payloads of the MQTT contract, version 1: what all of them share, and ``scan``.

Consumers must ignore fields they do not know; fields are only ever added within a version.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from cardscanner.config import DEVICE_ID
from cardscanner.records import Certainty, Decision


def _milliseconds(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[
    AwareDatetime,
    PlainSerializer(_milliseconds, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""UTC with milliseconds: ``2026-09-30T12:00:03.412Z``."""


class Payload(BaseModel):
    """Base of all payloads: fixed once made, no infinities."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    def to_bytes(self) -> bytes:
        """Return the message as UTF-8 JSON."""
        return self.model_dump_json().encode()


ULID = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"


class ArtifactRef(Payload):
    """Which model made the answer."""

    name: str
    sha256: str


class DatabaseRef(Payload):
    """Which card database the answer comes from."""

    version: str
    sha256: str


class ImageRef(Payload):
    """Where the picture of the card can be fetched."""

    url: str
    sha256: str


class CardPayload(Payload):
    """One print."""

    game: str
    card_id: str
    name: str
    set: str | None = None
    number: str | None = None
    lang: str | None = None
    finish: str | None = None


class CandidatePayload(Payload):
    """One print that the answer may be."""

    card_id: str
    name: str
    score: float


class CheckPayload(Payload):
    """The second look at the first candidate."""

    score: float = Field(description="0 to 1: how far it agrees with the stored picture")
    share: float = Field(description="0 to 1: how much of the card could be compared")
    number: str | None = Field(default=None, description="the collector number, if it was read on the card")


class ScanPayload(Payload):
    """Topic ``scan``, and ``last`` for a match: one decided card."""

    v: Literal[1] = 1
    event_type: Decision
    match: Certainty = Field(description="what is certain: the very print, its artwork, nothing")
    id: str = Field(pattern=ULID, description="ULID; the same in every repetition")
    epoch: str = Field(description="changes when sequence numbers begin again")
    seq: int = Field(ge=1, description="counts up by one per scan or event within an epoch")
    device: str = Field(pattern=DEVICE_ID)
    ts: Timestamp = Field(description="when the card was decided")
    ts_source: Literal["ntp", "unsynced"] = Field(description="what the wall clock was worth then")
    boot_id: str
    mono_ms: int = Field(description="monotonic clock at the decision; comparable within one boot_id")
    camera: str
    card: CardPayload | None = Field(description="only for a match")
    score: float
    margin: float
    check: CheckPayload | None = Field(default=None, description="none where vectors alone decided")
    candidates: tuple[CandidatePayload, ...]
    repeat_of: str | None
    frames: int = Field(ge=0)
    latency_ms: dict[str, float]
    model: ArtifactRef
    db: DatabaseRef
    image: ImageRef | None = None
    replayed: bool = Field(default=False, description="sent again because the command replay asked for it")
    test: bool = False
