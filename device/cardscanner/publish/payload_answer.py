"""The payloads of ``rsp/<name>``: what became of a command."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import Field

from cardscanner.publish.payload import Payload

ErrorCode = Literal[
    "bad_request",
    "unknown_command",
    "too_large",
    "expired",
    "busy",
    "not_allowed",
    "not_found",
    "not_available",
    "failed",
]
"""What a program can tell apart; the message is for people.

bad_request: the payload is not what the schema says, or an option does not exist or may not be set;
not_allowed: the Response Topic is not below the configured prefix; not_found: no such event, card or epoch;
not_available: this installation cannot do it; busy: too many commands wait; failed: it was tried.
"""


class AnswerError(Payload):
    """Why a command was not done."""

    code: ErrorCode
    message: str


D = TypeVar("D", bound=Payload)


class Answer(Payload, Generic[D]):
    """One for each transaction; ``data`` depends on the command and is null with an error."""

    v: Literal[1] = 1
    transaction: str | None = None
    status: Literal["ok", "error", "accepted"] = Field(
        description="accepted: it will be done after this answer"
    )
    error: AnswerError | None = None
    data: D | None = None
    restart_required: bool = Field(default=False, description="it counts after reload or restart")


class PingData(Payload):
    """``ping``."""

    device: str
    daemon: str
    uptime_s: float


class ScanningData(Payload):
    """``scanning``: how it is now."""

    on: bool


class SnapshotData(Payload):
    """``snapshot``: a picture."""

    camera: str
    width: int
    height: int
    age_ms: int = Field(ge=0, description="how long ago it was taken")
    jpeg: str = Field(description="base64")


class SetData(Payload):
    """``set``: what counts from now on."""

    changed: tuple[str, ...] = Field(description="keys that differ from before, as decide.min_frames")
    pending: tuple[str, ...] = Field(description="those of them that wait for a reload or restart")


class Span(Payload):
    """Sequence numbers, both ends included."""

    from_seq: int
    to_seq: int


class ReplayData(Payload):
    """``replay``: what follows on ``scan`` and ``event``, marked ``replayed``, after this answer."""

    epoch: str
    count: int = Field(ge=0, description="messages that follow")
    missing: tuple[Span, ...] = Field(description="of the range asked for, what the outbox no longer holds")
    waiting: int = Field(ge=0, description="of the range, what is not delivered yet and comes by itself")
    next_seq: int | None = Field(description="where to go on when max was reached")


class ExportData(Payload):
    """``export``: scans as one text, oldest first."""

    format: Literal["csv", "json"]
    epoch: str
    count: int = Field(ge=0)
    content: str
    next_seq: int | None = Field(description="where to go on when max or the size of an answer was reached")


class BackupData(Payload):
    """``backup``: a file on the device."""

    path: str
    size_bytes: int
    sha256: str
    contents: tuple[str, ...]


class IdentifyData(Payload):
    """``identify``."""

    led: str
    seconds: int


class PartData(Payload):
    """One part that was tried."""

    part: str
    ok: bool
    detail: str


class SelftestData(Payload):
    """``selftest``: every part, good or bad."""

    passed: bool
    parts: tuple[PartData, ...]


class CorrectionData(Payload):
    """``correction``: what was stored."""

    event: str
    card_id: str
    decision: str
    picture: bool = Field(description="whether the card's picture was still there and is kept with it")


class UndoData(Payload):
    """``undo``: the scan as it is now."""

    event: str
    card_id: str | None = Field(description="the card that it counted as; none: it was none for certain")
    undone: bool
