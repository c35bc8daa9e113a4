"""ManaBox's collection import (Magic: The Gathering).

As ManaBox documents it ("Import and export the collection", manabox.app/guides/collection/import-export), a
card's name with its set code or set name is enough, and set codes are Scryfall's. The columns are found by
their names, which are those of its own export.
"""

from __future__ import annotations

from cardscanner.publish.payload import ScanPayload

COLUMNS = ("Name", "Set code", "Collector number", "Foil", "Quantity", "Language")

_FOILS = {"foil": "foil", "etched": "etched"}


def row(scan: ScanPayload) -> tuple[str, ...] | None:
    """Return a match's row; an unknown finish counts as ``normal``."""
    card = scan.card
    if card is None:
        return None
    foil = _FOILS.get((card.finish or "").lower(), "normal")
    return (card.name, (card.set or "").upper(), card.number or "", foil, "1", card.lang or "")
