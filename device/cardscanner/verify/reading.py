"""A second look that reads the collector number when the prints of one artwork cannot be told otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from cardscanner.accept import judge_checked
from cardscanner.collector_number import numbers_in
from cardscanner.manifest import AcceptRule
from cardscanner.records import Candidate, Corners, Picture
from cardscanner.verify.stored import Grey
from cardscanner.verify.strip import inked, number_strip
from cardscanner.verify.verifier import Verifier


class TextReader(Protocol):
    """Letters from pictures. Owned by one thread."""

    def text(self, picture: Grey) -> str:
        """Return what is written on a picture, empty when nothing is."""

    def close(self) -> None:
        """Free what it holds; safe to call twice."""


class ReadingVerifier:
    """Owned by one thread, like the reader; whoever opened the reader closes it."""

    def __init__(self, verifier: Verifier, reader: TextReader, rule: AcceptRule) -> None:
        self._verifier = verifier
        self._reader = reader
        self._rule = rule

    def checked(
        self, picture: Picture, corners: Corners, prints: Sequence[Candidate]
    ) -> tuple[Candidate, ...]:
        """Return what :meth:`Verifier.checked` does, and the number if it was needed and could be read."""
        looked, settled = self._verifier.settled(picture, corners, prints)
        if judge_checked(looked, self._rule).decision != "ambiguous":
            return looked
        number = read_number(picture, settled, self._reader)
        if number is None:
            return looked
        return tuple(
            each if each.check is None else replace(each, check=replace(each.check, number=number))
            for each in looked
        )


def read_number(picture: Picture, corners: Corners, reader: TextReader) -> str | None:
    """Return the collector numbers printed on a card; ``None``: too small, or none could be read."""
    strip = number_strip(picture, corners)
    if strip is None:
        return None
    for letters in inked(strip):
        if found := numbers_in(reader.text(letters)):
            return " ".join(map(str, found))
    return None
