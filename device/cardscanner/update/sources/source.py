"""The seam between updates and the places that they come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

Tell = Callable[[int], None]
"""Takes the number of bytes that have arrived since it was called last."""


class Source(Protocol):
    """A tree of files, read by relative paths."""

    def read(self, path: str, most: int) -> bytes:
        """Return a small file.

        Raises
        ------
        UpdateRefused
            ``not_found``: there is none; ``bad_document``: it is longer than ``most`` bytes.
        SourceAway
            The source does not answer.
        """

    def fetch(self, path: str, size: int, into: Path, tell: Tell) -> None:
        """Write a file of ``size`` bytes to ``into``; what is there already counts as its beginning.

        Raises
        ------
        UpdateRefused
            ``not_found``, or ``truncated``: the source has another number of bytes.
        SourceAway
            It broke off again and again; what has arrived stays in ``into``.
        """
