"""The payload of ``update``: the card database in use, in Home Assistant's words, and any update in ours."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cardscanner.publish.payload import Payload


class ChangePayload(Payload):
    """The update that goes on, or what became of the last one."""

    target: Literal["db", "model", "daemon"]
    version: str | None = Field(default=None, description="left out before it is chosen")
    step: Literal[
        "downloading",
        "verified",
        "tested",
        "switching",
        "trial",
        "good",
        "rolling_back",
        "rolled_back",
        "refused",
    ]
    why: str | None = Field(default=None, description="of refused and rolled_back: the exact reason")


class UpdatePayload(Payload):
    """Topic ``update``; fields that are not known are left out, as Home Assistant wants it."""

    installed_version: str
    latest_version: str | None = Field(default=None, description="left out while nobody has looked for one")
    title: str | None = None
    release_summary: str | None = Field(default=None, max_length=255)
    release_url: str | None = None
    in_progress: bool = Field(default=False, description="something is being downloaded or tried out")
    update_percentage: float | None = Field(default=None, ge=0, le=100, description="of the download")
    change: ChangePayload | None = Field(
        default=None, description="ours; Home Assistant is given the other fields only"
    )

    def to_bytes(self) -> bytes:
        """Return the message as UTF-8 JSON."""
        return self.model_dump_json(exclude_none=True).encode()
