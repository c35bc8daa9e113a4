"""Gaps: which messages of each device have not been heard.

Scans and events of a device share one ``seq`` that counts up by one within an ``epoch``, so whoever hears
both knows what is missing. The retained ``last`` is evidence too: a message of its number exists, heard or
not.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

_REMEMBERED_IDS = 200_000
_MOST_DOUBTFUL = 2_000
"""As many messages as a scanner keeps by default."""
_MOST_MISSING = 100_000
"""Older ones of one gap are not asked for: no outbox keeps so many."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Numbers that belong together."""

    device: str
    epoch: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages ``first`` to ``last`` of a stream, both included, that were not heard."""

    stream: Stream
    first: int
    last: int
    since_s: float
    certain: bool = True
    """Whether a scan must be missing; what a file of scans leaves out may have been an event."""

    def overlaps(self, other: Gap) -> bool:
        """Tell whether both miss something in common."""
        return self.stream == other.stream and self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        """Name the messages."""
        which = (
            f"message {self.first}" if self.first == self.last else f"messages {self.first} to {self.last}"
        )
        return f"{which} of {self.stream.device} (epoch {self.stream.epoch})"


@dataclass(slots=True)
class _Progress:
    """The highest number that exists, and what is missing below it."""

    highest: int
    missing: dict[int, float] = field(default_factory=dict)
    """Since when each number is known to be missing."""
    doubtful: set[int] = field(default_factory=set)
    """Those that may be events which an earlier session heard and did not write."""


class Gaps:
    """What has been heard. Not safe for several threads."""

    def __init__(self) -> None:
        self._streams: dict[Stream, _Progress] = {}
        self._newest: dict[str, Stream] = {}
        self._ids: OrderedDict[str, None] = OrderedDict()

    def hear(self, stream: Stream, seq: int, identity: str, now_s: float) -> bool:
        """Take note of a message; return whether it is new. A repetition has the same ``id``."""
        self._exists(stream, seq, now_s)
        self._newest[stream.device] = stream
        self._streams[stream].missing.pop(seq, None)
        if identity in self._ids:
            self._ids.move_to_end(identity)
            return False
        self._ids[identity] = None
        if len(self._ids) > _REMEMBERED_IDS:
            self._ids.popitem(last=False)
        return True

    def go_on(self, stream: Stream, heard: dict[int, str], now_s: float) -> None:
        """Take up a stream of which an earlier session kept these messages, by number with their ids.

        What lies between the newest of them is doubtful: a loss, or an event.
        """
        for seq in sorted(heard):
            self.hear(stream, seq, heard[seq], now_s)
        progress = self._streams[stream]
        for seq in [each for each in progress.missing if each < progress.highest - _MOST_DOUBTFUL]:
            del progress.missing[seq]
        progress.doubtful = set(progress.missing)

    def exists(self, stream: Stream, seq: int, now_s: float) -> None:
        """Take note that a message exists, from the retained ``last``.

        The first such word of a device is where listening begins; of an epoch that is not the newest one it
        says nothing.
        """
        newest = self._newest.get(stream.device)
        if newest is None:
            self._streams.setdefault(stream, _Progress(seq))
        elif newest == stream:
            self._exists(stream, seq, now_s)

    def missing(self) -> list[Gap]:
        """Return every gap, in order."""
        gaps: list[Gap] = []
        for stream, progress in self._streams.items():
            for seq in sorted(progress.missing):
                since_s, certain = progress.missing[seq], seq not in progress.doubtful
                before = gaps[-1] if gaps else None
                if before is not None and before.stream == stream and before.last == seq - 1:
                    certain = certain or before.certain
                    gaps[-1] = Gap(stream, before.first, seq, max(before.since_s, since_s), certain)
                else:
                    gaps.append(Gap(stream, seq, seq, since_s, certain))
        return gaps

    def give_up(self, stream: Stream, first: int, last: int) -> int:
        """Expect these numbers no more; return how many of them were certainly missing."""
        progress = self._streams.get(stream)
        if progress is None:
            return 0
        lost = [seq for seq in progress.missing if first <= seq <= last]
        for seq in lost:
            del progress.missing[seq]
        return len([seq for seq in lost if seq not in progress.doubtful])

    def _exists(self, stream: Stream, seq: int, now_s: float) -> None:
        progress = self._streams.get(stream)
        if progress is None:
            # An epoch that begins while we listen begins with 1; otherwise this is where we came in.
            begun = 0 if stream.device in self._newest else seq - 1
            progress = self._streams[stream] = _Progress(begun)
        for absent in range(max(progress.highest + 1, seq - _MOST_MISSING), seq):
            progress.missing[absent] = now_s
        if seq > progress.highest:
            progress.missing[seq] = now_s
            progress.highest = seq
