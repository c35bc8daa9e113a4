"""Collector numbers: which of several prints the number that was read on a card names.

Understood are ``4/102``, ``025/198``, ``TG12/TG30``, ``SWSH123``, ``LOB-EN001``, ``OP01-001`` and, without a
total, numbers written with leading zeros (``0123``). Other bare figures on a card are years, strengths and
prices, so a print that is called ``4`` is named by ``4/102`` and never by a lone ``4``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SERIES = r"[A-Z]{2,5}(?:\d{0,2}-[A-Z]{0,3})?"
_ALONE = r"(?<![0-9A-Z/.,-])"
_ENDS = r"(?![0-9A-Z/])"
_FRACTION = rf"(?P<series>{_SERIES})?(?P<count>\d{{1,4}})(?P<mark>[A-Z]?) ?/ ?(?P<of>(?:{_SERIES})?\d{{1,4}})"
_CODE = rf"(?P<series>{_SERIES})(?P<count>\d{{1,4}})(?P<mark>[A-Z]?)"
_PADDED = r"(?P<count>0\d{2,3})"
_PRINTED = tuple(re.compile(_ALONE + each + _ENDS) for each in (_FRACTION, _CODE, _PADDED))
_LISTED = re.compile(rf"(?P<series>{_SERIES})?(?P<count>\d{{1,5}})(?P<mark>[A-Z]?)(?: ?/ ?(?P<of>\w+))?")


@dataclass(frozen=True, slots=True)
class CollectorNumber:
    """A number without what writing it differently changes."""

    series: str
    count: int
    mark: str
    total: str | None

    def __str__(self) -> str:
        return f"{self.series}{self.count}{self.mark}" + (f"/{self.total}" if self.total else "")

    def names(self, other: CollectorNumber) -> bool:
        """Whether both are one number; totals are compared when both have one."""
        same = (self.series, self.count, self.mark) == (other.series, other.count, other.mark)
        return same and (self.total is None or other.total is None or self.total == other.total)


def numbers_in(text: str) -> tuple[CollectorNumber, ...]:
    """Return the collector numbers that a text holds, each once, in the order of their kinds."""
    left, found = text.upper(), dict[CollectorNumber, None]()
    for pattern in _PRINTED:
        for each in pattern.finditer(left):
            found[_number(each)] = None
        left = pattern.sub(" ", left)
    return tuple(found)


def listed_number(text: str | None) -> CollectorNumber | None:
    """Return the number that a database lists; ``None`` when it has none, or one of no kind known here."""
    found = _LISTED.fullmatch((text or "").strip().upper())
    return None if found is None else _number(found)


def print_named(read: str, listed: Sequence[str | None]) -> int | None:
    """Return which of the prints with these listed numbers was read.

    ``None``: none of them or several, or something else that was read speaks against it, or one of the
    prints has no number, so that it may have this one.
    """
    own = [listed_number(each) for each in listed]
    known = [each for each in own if each is not None]
    if len(known) < len(own):
        return None
    told: set[int] = set()
    for number in numbers_in(read):
        named = [place for place, each in enumerate(known) if number.names(each)]
        if not named and _may_be_one(number, known):
            return None
        told.update(named)
    return told.pop() if len(told) == 1 else None


def _may_be_one(number: CollectorNumber, known: Sequence[CollectorNumber]) -> bool:
    """Whether a number that names no print speaks against all; words that look like codes do not."""
    return number.total is not None or any(number.series == each.series for each in known)


def _number(found: re.Match[str]) -> CollectorNumber:
    parts = found.groupdict()
    total = parts.get("of")
    plain = None if total is None else re.sub(r"(?<!\d)0+(?=\d)", "", total)
    return CollectorNumber(parts.get("series") or "", int(parts["count"]), parts.get("mark") or "", plain)
