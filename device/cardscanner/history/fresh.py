"""What the disk does not have yet: the newest scans, and the newest words on older ones."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from cardscanner.history.entry import Entry
from cardscanner.history.store import Word

MOST_SCANS = 1000
MOST_PHOTO_BYTES = 8 * 2**20
"""What is held in memory while the disk takes nothing; further photos are given up, further scans are taken
from the outbox later."""


@dataclass(slots=True)
class Waiting:
    """One scan on its way to the disk."""

    entry: Entry
    photo: bytes | None


class Fresh:
    """The history's lock guards it."""

    def __init__(self) -> None:
        self.since_s: float | None = None
        """When the oldest of it came, on the monotonic clock; ``None``: there is nothing."""
        self._scans: dict[str, Waiting] = {}
        self._words: dict[str, Word] = {}
        self._photo_bytes = 0

    def __len__(self) -> int:
        return len(self._scans)

    @property
    def full(self) -> bool:
        """Whether it takes no more scans."""
        return len(self._scans) >= MOST_SCANS

    def add(self, entry: Entry, photo: bytes | None) -> Entry:
        """Take a scan in; return it as it is kept, maybe without its photo."""
        if photo is not None and self._photo_bytes + len(photo) > MOST_PHOTO_BYTES:
            photo, entry = None, replace(entry, has_photo=False)
        self._photo_bytes += len(photo or b"")
        self._scans[entry.id] = Waiting(entry, photo)
        self._begin()
        return entry

    def find(self, identity: str) -> Waiting | None:
        """Return a scan that waits, or ``None``."""
        return self._scans.get(identity)

    def say(self, identity: str, word: Word) -> None:
        """Take a word on a scan in, whether that waits or is on the disk."""
        waiting = self._scans.get(identity)
        if waiting is not None:
            waiting.entry = worded(waiting.entry, word)
        else:
            self._words[identity] = self._words.get(identity, Word()).then(word)
        self._begin()

    def as_said(self, entry: Entry) -> Entry:
        """Return an entry of the disk with what was said about it since."""
        word = self._words.get(entry.id)
        return entry if word is None else worded(entry, word)

    def newest_first(self, before: str | None, session: int | None) -> list[Entry]:
        """Return what waits and was stored before a scan; one that does not wait is older than all of it."""
        if before is not None and before not in self._scans:
            return []
        found = [each.entry for each in reversed(self._scans.values())]
        if before is not None:
            found = found[[each.id for each in found].index(before) + 1 :]
        return [each for each in found if session is None or each.session == session]

    def load(self) -> tuple[list[Waiting], dict[str, Word]]:
        """Return all of it."""
        return list(self._scans.values()), dict(self._words)

    def written(self) -> None:
        """Let go of all of it: the disk has it."""
        self._scans.clear()
        self._words.clear()
        self._photo_bytes = 0
        self.since_s = None

    def newest_seq(self, epoch: str) -> int:
        """Return the newest message of an epoch that waits; 0: none."""
        return max((each.entry.seq for each in self._scans.values() if each.entry.epoch == epoch), default=0)

    def give_up_photos(self) -> int:
        """Let the photos go, for good; return how many there were."""
        given_up = 0
        for each in self._scans.values():
            if each.photo is not None:
                each.photo, each.entry = None, replace(each.entry, has_photo=False)
                given_up += 1
        self._photo_bytes = 0
        return given_up

    def _begin(self) -> None:
        if self.since_s is None:
            self.since_s = time.monotonic()


def worded(entry: Entry, word: Word) -> Entry:
    """Return an entry with a word taken in."""
    undone = entry.undone if word.undone is None else word.undone
    return replace(entry, undone=undone, corrected=word.corrected or entry.corrected)
