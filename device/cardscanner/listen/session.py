"""A session of listening: what is heard is written, then shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cardscanner.listen.formats import CsvFormat
from cardscanner.listen.gaps import Gaps, Stream
from cardscanner.listen.sheet import Sheet
from cardscanner.listen.subscriber import Retraction, Scan, Subscriber
from cardscanner.publish.status import Troubles

_STEP_S = 0.5
_ROWS_IN_MEMORY = 10_000
Say = Callable[[str], None]


class SpokenTroubles(Troubles):
    """Troubles as lines for a person instead of log entries."""

    def __init__(self, say: Say) -> None:
        super().__init__(log=False)
        self._say = say

    def enter(self, name: str, cause: str, *, instead_of: tuple[str, ...] = ()) -> None:
        """Say it once."""
        known = name in self.reasons
        super().enter(name, cause, instead_of=instead_of)
        if not known:
            self._say(f"{cause}; trying again until it works")

    def leave(self, *names: str) -> None:
        """Say that all is well again."""
        before = self.reasons
        super().leave(*names)
        if before and not self.reasons:
            self._say("connected again")


@dataclass(frozen=True, slots=True)
class Limits:
    """When to end by itself; ``None``: never."""

    scans: int | None = None
    seconds: float | None = None


class Record:
    """The CSV file of a session."""

    def __init__(self, sheet: Sheet, columns: CsvFormat) -> None:
        self._sheet = sheet
        self._columns = columns
        self._written: dict[str, tuple[str, ...]] = {}
        """The newest rows by the id of their scan, also those that were taken out again."""

    def go_on(self, gaps: Gaps, now_s: float) -> int:
        """Take what the file holds as heard; return how many scans that is.

        Only our own columns tell it. Whatever follows the last of them is asked for again as soon as the
        scanner is heard.
        """
        known: dict[Stream, dict[int, str]] = {}
        for row in self._sheet.rows():
            if {"device", "epoch", "seq", "id"} <= row.keys() and row["seq"].isdigit():
                stream = Stream(row["device"], row["epoch"])
                known.setdefault(stream, {})[int(row["seq"])] = row["id"]
        for stream, heard in known.items():
            gaps.go_on(stream, heard, now_s)
        return sum(len(heard) for heard in known.values())

    def write(self, scans: Sequence[Scan]) -> None:
        """Write scans; they are on the disk when this returns."""
        rows = {scan.payload.id: self._columns.row(scan.payload) for scan in scans}
        known = {identity: row for identity, row in rows.items() if row is not None}
        self._sheet.append(list(known.values()))
        self._written |= known
        while len(self._written) > _ROWS_IN_MEMORY:
            del self._written[next(iter(self._written))]

    def retract(self, retraction: Retraction) -> None:
        """Take the row of an undone scan out, or put it back; the disk has that when this returns.

        Without ids in the file, of the rows of older sessions none can be told to be the one that is meant.
        """
        row = self._written.get(retraction.scan) or self._stored(retraction.scan)
        if row is None:
            return
        self._written[retraction.scan] = row
        self._sheet.remove(row)
        if not retraction.undone:
            self._sheet.append([row])

    def _stored(self, scan: str) -> tuple[str, ...] | None:
        found = (row for row in self._sheet.rows() if row.get("id") == scan)
        return next((tuple(row.values()) for row in found), None)


def listen(
    subscriber: Subscriber,
    record: Record | None,
    show: Callable[[Scan], None],
    show_retraction: Callable[[Retraction], None],
    say: Say,
    limits: Limits,
) -> int:
    """Hear, write and show until a limit is reached; return how many scans were new."""
    began_s = time.monotonic()
    count = 0
    while _go_on(limits, count, time.monotonic() - began_s):
        heard = subscriber.step(_STEP_S)
        scans = heard.scans if limits.scans is None else heard.scans[: limits.scans - count]
        if record is not None:
            record.write(scans)
        for scan in scans:
            show(scan)
        for retraction in heard.retractions:
            if record is not None:
                record.retract(retraction)
            show_retraction(retraction)
        count += len(scans)
        for words in heard.words:
            say(words)
        sys.stdout.flush()
    return count


def _go_on(limits: Limits, count: int, passed_s: float) -> bool:
    if limits.scans is not None and count >= limits.scans:
        return False
    return limits.seconds is None or passed_s < limits.seconds
