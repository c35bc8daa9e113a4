"""From a decided card to a committed message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cardscanner.publish.clock import boot_id, clock_synced
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.payload import (
    ArtifactRef,
    CandidatePayload,
    CardPayload,
    CheckPayload,
    DatabaseRef,
    ScanPayload,
)
from cardscanner.publish.rows import Stamp
from cardscanner.publish.topics import Topics
from cardscanner.records import Card, Check, ScanEvent


@dataclass(frozen=True, slots=True)
class ScanFacts:
    """What is the same in every scan message of a run."""

    device_id: str
    game: str
    model: ArtifactRef
    db: DatabaseRef


def store_scan(outbox: Outbox, event: ScanEvent, facts: ScanFacts) -> Stamp:
    """Commit the event's message; the scan counts as done when this returns.

    Raises
    ------
    OutboxFull, OutboxFault
        It is not stored and does not count as done.
    """
    return store_message(outbox, event, facts)[0]


def store_message(outbox: Outbox, event: ScanEvent, facts: ScanFacts) -> tuple[Stamp, bytes]:
    """Do as :func:`store_scan`, and return the message too."""
    topics = Topics(facts.device_id)
    synced = clock_synced()
    stored = []

    def compose(stamp: Stamp) -> bytes:
        stored.append(scan_payload(event, stamp, facts, synced=synced).to_bytes())
        return stored[-1]

    stamp = outbox.put(
        topics.scan, compose, latest=topics.last if event.verdict.decision == "match" else None
    )
    return stamp, stored[-1]


def scan_payload(event: ScanEvent, stamp: Stamp, facts: ScanFacts, *, synced: bool) -> ScanPayload:
    """Return the message for one decided card."""
    verdict = event.verdict
    age_ns = max(0, stamp.mono_ns - event.decided_ns)
    return ScanPayload(
        event_type=verdict.decision,
        match=verdict.match,
        id=stamp.id,
        epoch=stamp.epoch,
        seq=stamp.seq,
        device=facts.device_id,
        ts=datetime.fromtimestamp((stamp.wall_ns - age_ns) / 1e9, UTC),
        ts_source="ntp" if synced else "unsynced",
        boot_id=boot_id(),
        mono_ms=event.decided_ns // 1_000_000,
        camera=event.camera,
        card=_card(verdict.card, facts.game) if verdict.card else None,
        score=round(float(verdict.score), 4),
        margin=round(float(verdict.margin), 4),
        check=_check(verdict.check),
        candidates=tuple(
            CandidatePayload(
                card_id=each.card.card_id, name=each.card.name, score=round(float(each.score), 4)
            )
            for each in verdict.candidates
        ),
        repeat_of=event.repeat_of,
        frames=event.frames,
        latency_ms={stage: round(float(value), 2) for stage, value in event.latency_ms.items()},
        model=facts.model,
        db=facts.db,
    )


def _check(check: Check | None) -> CheckPayload | None:
    if check is None:
        return None
    return CheckPayload(score=round(check.score, 4), share=round(check.share, 4), number=check.number)


def _card(card: Card, game: str) -> CardPayload:
    """Map a print; empty columns of the card table are unknown."""
    known = {key: card.metadata.get(key) or None for key in ("set", "number", "lang", "finish")}
    return CardPayload(game=game, card_id=card.card_id, name=card.name, **known)
