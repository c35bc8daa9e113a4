"""Moxfield's collection import (Magic: The Gathering).

Columns and values as Moxfield documents them: "Importing a Collection",
moxfield.com/help/importing-collection. The names must be spelled exactly so; the order does not matter;
``Edition`` is Scryfall's set code. Each scan is one row with a count of one.
"""

from __future__ import annotations

from cardscanner.publish.payload import ScanPayload

COLUMNS = ("Count", "Name", "Edition", "Condition", "Language", "Foil", "Collector Number")

_FOILS = {"foil": "foil", "etched": "etched"}


def row(scan: ScanPayload) -> tuple[str, ...] | None:
    """Return a match's row; a scanner does not judge the condition, which is left empty."""
    card = scan.card
    if card is None:
        return None
    foil = _FOILS.get((card.finish or "").lower(), "")
    return ("1", card.name, (card.set or "").lower(), "", card.lang or "", foil, card.number or "")
