"""What people said about events: "it is this one". A table of JSON lines, and the pictures of those cards.

Their pictures can become further views of their cards. The newest word on an event counts.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cardscanner.errors import InputError
from cardscanner.files import replacing

TABLE = "corrections.jsonl"
EVENT_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


@dataclass(frozen=True, slots=True)
class Correction:
    """One line."""

    event: str
    card_id: str
    decision: str
    """What the box had said: match, ambiguous or no_match; empty when that is not known any more."""
    candidates: tuple[str, ...]
    database: str
    file: str | None
    """Name of the card's picture beside the table; ``None``: there is none."""
    at: str


class Corrections:
    """The folder that holds them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[Correction]:
        """Return every correction, oldest first.

        Raises
        ------
        InputError
            A line cannot be read.
        """
        table = self.folder / TABLE
        if not table.is_file():
            return []
        found = []
        for number, line in enumerate(table.read_text(encoding="utf-8").split("\n"), start=1):
            if not line.strip():
                continue
            try:
                fields = json.loads(line)
                found.append(Correction(**{**fields, "candidates": tuple(fields["candidates"])}))
            except (ValueError, TypeError, KeyError) as error:
                raise InputError(
                    f"{table}, line {number}: no correction: {error}; delete the line"
                ) from error
        return found

    def add(self, correction: Correction, picture: bytes | None) -> Correction:
        """Store a correction durably, its picture first; an earlier one of the same event goes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if picture is not None:
            correction = Correction(**{**asdict(correction), "file": f"{correction.event}.jpg"})
            with replacing(self.folder / f"{correction.event}.jpg") as temporary:
                temporary.write_bytes(picture)
        with self._alone():
            kept = [each for each in self.all() if each.event != correction.event]
            self._write([*kept, correction])
        return correction

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other process, scanner or command, writes the table; a lock ends with its process."""
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _write(self, corrections: Sequence[Correction]) -> None:
        lines = [json.dumps(asdict(each), ensure_ascii=False) for each in corrections]
        with replacing(self.folder / TABLE) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def now() -> str:
    """Return the time as corrections carry it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
