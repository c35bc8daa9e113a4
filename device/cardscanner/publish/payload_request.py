"""The payloads of ``cmd/<name>``: what may be asked of the device.

Unlike in what the device says, an unknown field is a mistake here: a misspelt one would change the meaning.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from cardscanner.publish.payload import ULID, Payload

Target = Literal["db", "model", "daemon"]


class Request(Payload):
    """Any command; ``ping``, ``status``, ``reload``, ``backup``, ``restart``, ``selftest`` need no more."""

    model_config = ConfigDict(extra="forbid", strict=True)

    transaction: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        description="comes back in the answer; the same one within five minutes is the same command",
    )


class ScanningRequest(Request):
    """``scanning``: pause, or go on."""

    on: bool


class SnapshotRequest(Request):
    """``snapshot``: the newest frame of the camera."""

    max_side_px: int = Field(default=640, ge=64, le=1920)


class SetRequest(Request):
    """``set``: change the configuration, as sections and keys."""

    options: dict[str, JsonValue] = Field(description='for example {"decide": {"min_frames": 4}}')


class ReplayRequest(Request):
    """``replay``: send scans and events again that were already delivered."""

    epoch: str | None = Field(default=None, max_length=64, description="none: the epoch of now")
    from_seq: int = Field(ge=1, lt=2**63)
    to_seq: int | None = Field(default=None, ge=1, lt=2**63, description="none: up to the newest")
    max: int = Field(default=1000, ge=1, le=10_000)


class ExportRequest(Request):
    """``export``: the scans that the outbox still holds, as one text in the answer."""

    format: Literal["csv", "json"] = "csv"
    from_seq: int = Field(default=1, ge=1, lt=2**63)
    max: int = Field(default=500, ge=1, le=10_000)


class UpdateRequest(Request):
    """``update``: install a version."""

    target: Target = "db"
    version: str | None = Field(default=None, max_length=64)


class RollbackRequest(Request):
    """``rollback``: go back to the version before."""

    target: Target = "db"


class IdentifyRequest(Request):
    """``identify``: blink, so that a person finds the box."""

    seconds: int = Field(default=5, ge=1, le=30)


class CorrectionRequest(Request):
    """``correction``: "it is this one"."""

    event: str = Field(pattern=ULID, description="id of the scan")
    card_id: str = Field(min_length=1, max_length=256)


class UndoRequest(Request):
    """``undo``: that scan was none."""

    event: str | None = Field(
        default=None, pattern=ULID, description="id of the scan; none: the newest that is not undone"
    )
    redo: bool = Field(default=False, description="let it count again")

    @model_validator(mode="after")
    def _redo_names_its_scan(self) -> Self:
        if self.redo and self.event is None:
            raise ValueError("redo needs the event")
        return self
