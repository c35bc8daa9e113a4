"""What is kept of a scan, and of the sessions in which cards are scanned."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from cardscanner.records import Certainty, Decision

_DETAILS = ("ts", "ts_source", "match", "card", "candidates", "score", "margin", "camera")


@dataclass(frozen=True, slots=True)
class Entry:
    """One decided card, as its message said, and what people said about it since."""

    id: str
    """The ULID of its message."""
    seq: int
    epoch: str
    ts: datetime
    ts_source: Literal["ntp", "unsynced"]
    decision: Decision
    match: Certainty
    card: dict[str, Any] | None
    candidates: list[dict[str, Any]]
    score: float
    margin: float
    camera: str
    session: int
    undone: bool
    corrected: str | None
    """The card that a person says it was."""
    has_photo: bool
    database: str
    """Version of the card database that it was compared with."""

    @property
    def card_id(self) -> str | None:
        """The card that it counts as; ``None``: it is none that is known for certain."""
        return self.corrected or (None if self.card is None else str(self.card["card_id"]))

    @property
    def candidate_ids(self) -> tuple[str, ...]:
        """The cards that it may be, best first."""
        return tuple(str(each["card_id"]) for each in self.candidates)


@dataclass(frozen=True, slots=True)
class Session:
    """A stretch of scanning with a name: a box of cards, an evening."""

    id: int
    name: str
    began: datetime
    epoch: str
    after_seq: int
    """It holds the scans that were stored after this one."""
    current: bool = True


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are of a session, or of all that is kept."""

    scans: int
    """Everything that was decided, also what is undone."""
    cards: int
    """Cards known for certain or corrected, less what is undone."""
    undone: int
    distinct: int
    """Different ones among ``cards``."""


def read_scan(scan: bytes, session_of: Callable[[str, int], int], *, has_photo: bool) -> Entry:
    """Return the entry of a scan message; ``session_of`` tells the session by epoch and number."""
    message = json.loads(scan)
    return Entry(
        id=message["id"],
        seq=message["seq"],
        epoch=message["epoch"],
        decision=message["event_type"],
        session=session_of(message["epoch"], message["seq"]),
        undone=False,
        corrected=None,
        has_photo=has_photo,
        **_details(message, message["db"]["version"]),
    )


def pack(entry: Entry) -> bytes:
    """Return what has no column of its own, compressed; the compression brings a checksum."""
    details = {
        "ts": entry.ts.astimezone(UTC).isoformat(timespec="milliseconds"),
        "ts_source": entry.ts_source,
        "match": entry.match,
        "card": entry.card,
        "candidates": entry.candidates,
        "score": entry.score,
        "margin": entry.margin,
        "camera": entry.camera,
        "database": entry.database,
    }
    return zlib.compress(json.dumps(details, ensure_ascii=False, separators=(",", ":")).encode(), 9)


def unpack(row: tuple[Any, ...]) -> Entry:
    """Return the entry of a row: id, seq, epoch, decision, session, undone, corrected, has_photo, details.

    Raises
    ------
    ValueError
        It is not what was stored.
    """
    identity, seq, epoch, decision, session, undone, corrected, has_photo, packed = row
    try:
        message = json.loads(zlib.decompress(packed))
        details = _details(message, message["database"])
    except (zlib.error, KeyError, TypeError) as error:
        raise ValueError(f"scan {identity}: {error}") from error
    return Entry(
        id=identity,
        seq=seq,
        epoch=epoch,
        decision=decision,
        session=session,
        undone=bool(undone),
        corrected=corrected,
        has_photo=bool(has_photo),
        **details,
    )


def _details(message: dict[str, Any], database: str) -> dict[str, Any]:
    known = {name: message[name] for name in _DETAILS}
    return {**known, "ts": datetime.fromisoformat(known["ts"]), "database": database}
