"""Reference pictures that look wrong: blank, lying on their side, tiny, or one file for several cards."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from cardscanner.errors import InputError
from cardscanner.pictures import read_picture

_BLANK = 6.0
"""Standard deviation of the grey levels below which nothing is printed on a picture."""
_LEAST_WIDTH_PX = 100
_LYING = 1.05
_MOST_LYING = 0.5
"""In a game whose cards are printed lying, most of them are wider than tall, and none is doubtful for it."""
_SHRUNK = 4


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A reason to look at some references."""

    kind: str
    rows: tuple[int, ...]
    what: str


@dataclass(frozen=True, slots=True)
class _Look:
    sha256: str
    height_px: int
    width_px: int
    spread: float


def doubtful_pictures(pictures: Sequence[Path], one_more: Callable[[], object]) -> list[Doubtful]:
    """Look at the picture of every row; those that cannot be read any more are doubtful too."""
    found: list[Doubtful] = []
    looks: dict[int, _Look] = {}
    for row, path in enumerate(pictures):
        try:
            looks[row] = _look(path)
        except (InputError, OSError) as error:
            found.append(Doubtful("unreadable", (row,), str(error)))
        one_more()
    return found + _alone(looks) + _shared(looks)


def _look(path: Path) -> _Look:
    data = path.read_bytes()
    # A quarter of the size is decoded several times faster, and a blank picture is blank at any size.
    small = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_4) if data else None
    if small is None:
        picture = read_picture(path)
        small = cv2.cvtColor(picture[::_SHRUNK, ::_SHRUNK], cv2.COLOR_RGB2GRAY)
    height, width = small.shape[0] * _SHRUNK, small.shape[1] * _SHRUNK
    return _Look(hashlib.sha256(data).hexdigest(), height, width, float(small.std()))


def _alone(looks: dict[int, _Look]) -> list[Doubtful]:
    found = []
    lying = {row for row, look in looks.items() if look.width_px > _LYING * look.height_px}
    for row, look in looks.items():
        if look.spread < _BLANK:
            what = f"blank: its grey levels vary by {look.spread:.1f} of 255"
            found.append(Doubtful("blank", (row,), what))
        if row in lying and len(lying) <= _MOST_LYING * len(looks):
            what = f"lies on its side: about {look.width_px} x {look.height_px} pixels"
            found.append(Doubtful("lying", (row,), what))
        if min(look.width_px, look.height_px) < _LEAST_WIDTH_PX:
            what = f"tiny: about {look.width_px} x {look.height_px} pixels"
            found.append(Doubtful("tiny", (row,), what))
    return found


def _shared(looks: dict[int, _Look]) -> list[Doubtful]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, look in looks.items():
        rows[look.sha256].append(row)
    return [
        Doubtful("same file", tuple(those), f"{len(those)} references have the very same picture file")
        for those in rows.values()
        if len(those) > 1
    ]
