"""What goes over a connection, in and out."""

from __future__ import annotations

from dataclasses import dataclass

JSON = "application/json"
TEXT = "text/plain"
JPEG = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to be sent."""

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1
    content_type: str = JSON
    correlation: bytes | None = None
    """Goes back to who asked, as it came."""
    expiry_s: int | None = None
    """The broker forgets it after so long."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message that came."""

    topic: str
    payload: bytes
    retain: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None
    expiry_s: int | None = None
    """Worth nothing after so long."""
