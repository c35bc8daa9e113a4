"""The payload of ``update``: which version of the card database is in use, in the words of Home Assistant."""

from __future__ import annotations

from pydantic import Field

from cardscanner.publish.payload import Payload


class UpdatePayload(Payload):
    """Topic ``update``; fields that are not known are left out, as Home Assistant wants it."""

    installed_version: str
    latest_version: str | None = Field(default=None, description="left out while nobody has looked for one")
    title: str | None = None
    release_summary: str | None = Field(default=None, max_length=255)
    release_url: str | None = None

    def to_bytes(self) -> bytes:
        """Return the message as UTF-8 JSON."""
        return self.model_dump_json(exclude_none=True).encode()
