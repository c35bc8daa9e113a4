"""Our own columns: one row for each scan, with all that identifies it. See docs/mqtt.md."""

from __future__ import annotations

from datetime import UTC

from cardscanner.publish.payload import ScanPayload

COLUMNS = (
    "ts",
    "device",
    "event_type",
    "game",
    "card_id",
    "name",
    "set",
    "number",
    "lang",
    "finish",
    "score",
    "margin",
    "candidates",
    "camera",
    "epoch",
    "seq",
    "id",
    "database",
)


def row(scan: ScanPayload) -> tuple[str, ...]:
    """Return a row; without a match the card's columns are empty and ``candidates`` tells what it may be."""
    card = scan.card
    printed = (card.game, card.card_id, card.name) if card else ("", "", "")
    details = (card.set, card.number, card.lang, card.finish) if card else ()
    return (
        scan.ts.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        scan.device,
        scan.event_type,
        *printed,
        *(each or "" for each in details or ("",) * 4),
        f"{scan.score:.4f}",
        f"{scan.margin:.4f}",
        " ".join(each.card_id for each in scan.candidates),
        scan.camera,
        scan.epoch,
        str(scan.seq),
        scan.id,
        scan.db.version,
    )
