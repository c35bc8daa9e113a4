"""The table of `cardscanner listen`: one line for each scan."""

from __future__ import annotations

from cardscanner.listen.subscriber import Retraction
from cardscanner.publish.payload import ScanPayload

HEAD = f"{'time':8}  {'scanner':14} {'answer':9}  {'card':18} {'name':28} {'score':>6}"


def line_of(scan: ScanPayload) -> str:
    """Return a scan's line; one that is no match names the best candidate in brackets."""
    card_id, name = _card(scan)
    clock = scan.ts.astimezone().strftime("%H:%M:%S")
    mark = " (again)" if scan.replayed else ""
    return (
        f"{clock}  {scan.device[:14]:14} {scan.event_type:9}  {card_id[:18]:18} {name[:28]:28} "
        f"{scan.score:6.3f}{mark}"
    )


def line_of_retraction(retraction: Retraction) -> str:
    """Return the line that takes an earlier one back, or lets it count again."""
    word = "undone" if retraction.undone else "redone"
    return f"{'':8}  {retraction.device[:14]:14} {word:9}  {retraction.scan}"


def _card(scan: ScanPayload) -> tuple[str, str]:
    if scan.card is not None:
        return scan.card.card_id, scan.card.name
    if scan.candidates:
        best = scan.candidates[0]
        return f"({best.card_id})", f"({best.name})"
    return "-", "-"
