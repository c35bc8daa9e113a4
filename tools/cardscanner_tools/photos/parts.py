"""Which photographs the finder may be fitted to, and which only measure it.

Two things decide: the licence of the collection, and a hash of the file's name, so that a photograph keeps
its part when others come or go. ``fit-finder`` and ``eval-finder`` both ask here.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Literal

Part = Literal["fit", "held-out", "other"]

LICENSED = {
    "ShreyShingala+Pokemon-Card-Scanning-Webapp": "CC BY 4.0",
    "object": "MIT",
}
"""Collections of photographs, and kinds of pictures without cards (shop goods of the GroceryStoreDataset),
that may be learned from. All others only measure; playing cards too, because a finder may well find them."""


def part_of(path: Path, source: str) -> Part:
    """Return the part of a picture: two thirds of what is licensed to fit, one third held out."""
    if source not in LICENSED:
        return "other"
    return "held-out" if zlib.crc32(path.name.encode()) % 3 == 0 else "fit"
