"""Which scan belongs to which scanning session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from cardscanner.history.entry import Session
from cardscanner.publish import Outbox


class Sessions:
    """Every session, in memory; the history's lock guards it."""

    def __init__(self) -> None:
        self._all: list[Session] = []
        self._stored: set[int] = set()

    def load(self, stored: Sequence[Session]) -> None:
        """Take in what a file just opened knows; what it does not know is to be written."""
        known = {each.id: each for each in self._all} | {each.id: each for each in stored}
        self._all = sorted(known.values(), key=lambda each: each.id)
        self._stored = {each.id for each in stored}

    def begin_first(self, outbox: Outbox) -> None:
        """Make sure that there is one; the first one holds whatever the outbox still has."""
        if not self._all:
            self.begin("", outbox.epoch, 0)

    def begin(self, name: str, epoch: str, after_seq: int) -> Session:
        """Begin a session after a scan."""
        number = max((each.id for each in self._all), default=0) + 1
        session = Session(number, name.strip() or f"Session {number}", datetime.now(UTC), epoch, after_seq)
        self._all.append(session)
        return session

    def all(self) -> list[Session]:
        """Return them, oldest first."""
        return [replace(each, current=each is self._all[-1]) for each in self._all]

    def of(self, epoch: str, seq: int) -> int:
        """Return the session in which a scan was made: the newest that had begun before it."""
        found = self._all[-1]
        for each in reversed(self._all):
            found = each
            if each.epoch != epoch or each.after_seq < seq:
                break
        return found.id

    def unwritten(self) -> list[Session]:
        """Return those that the file does not have."""
        return [each for each in self._all if each.id not in self._stored]

    def written(self, sessions: Sequence[Session]) -> None:
        """Note that the file has them."""
        self._stored.update(each.id for each in sessions)
