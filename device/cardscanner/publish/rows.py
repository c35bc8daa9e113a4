"""What lies in the outbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes a message unmistakable."""

    seq: int
    """Counts up by one per message within an epoch; never used twice."""
    epoch: str
    """Changes when a new file had to be started: sequence numbers begin again."""
    id: str
    mono_ns: int
    wall_ns: int


@dataclass(frozen=True, slots=True)
class Row:
    """One message that waits to be sent."""

    seq: int
    epoch: str
    id: str
    topic: str
    latest: str | None
    """Topic that keeps the newest of such messages for later subscribers."""
    payload: bytes
    attempts: int
    """How often sending it was tried in vain."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits."""

    depth: int
    payload_bytes: int
    oldest_age_s: float | None


Compose = Callable[[Stamp], bytes]
"""Makes the payload of a message from its stamp."""
