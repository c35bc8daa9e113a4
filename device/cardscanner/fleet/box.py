"""Box: what one box has said so far, when, and whether two boxes speak under its name."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cardscanner.fleet.words import Kind, Word
from cardscanner.publish.payload_info import InfoPayload
from cardscanner.publish.payload_state import StatePayload
from cardscanner.publish.payload_update import UpdatePayload

_SLACK_S = 60.0
_REMEMBERED_S = 600.0
"""For so long after its last sign a clash is told of: the two push each other out every minute or so."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was heard: by the monotonic clock, and by the clock on the wall."""

    s: float
    wall: datetime


@dataclass(slots=True)
class Box:
    """One box. ``heard`` has the moment of each kind of message; ``kept`` those that the broker had kept."""

    device: str
    status: str | None = None
    info: InfoPayload | None = None
    state: StatePayload | None = None
    update: UpdatePayload | None = None
    heard: dict[Kind, Moment] = field(default_factory=dict)
    kept: set[Kind] = field(default_factory=set)
    unreadable: dict[Kind, str] = field(default_factory=dict)
    went: Moment | None = None
    """When it went offline, if that was seen."""
    _clash: str | None = None
    _clash_s: float = 0.0
    _serials: list[str] = field(default_factory=list)

    def take(self, word: Word, *, kept: bool, now: Moment) -> None:
        """Take a message; ``kept``: it comes from the broker's store, not from the box just now."""
        fresh = not kept and word.kind not in self.kept
        repeated = kept and word.said is not None and word.said == getattr(self, word.kind)
        if not repeated:
            self._note(word, kept=kept)
        match word.said:
            case StatePayload() as state:
                if fresh:
                    self._compare_uptime(state, now)
                self.state = state
            case InfoPayload() as info:
                self._compare_serial(info, now)
                self.info = info
            case UpdatePayload() as update:
                self.update = update
            case str() as status:
                self._available(status, kept=kept, now=now)
            case _:
                self._forget(word)
        if not repeated:
            self.heard[word.kind] = now

    @property
    def known(self) -> bool:
        """Whether anything was heard that only a box says; rubbish below a name makes no box."""
        return not (self.status is None and self.info is None and self.state is None and self.update is None)

    @property
    def empty(self) -> bool:
        """Whether everything that was kept has been taken out of the broker."""
        return not self.known and not self.unreadable

    def clash(self, now_s: float) -> str | None:
        """Return why there must be two boxes of this name, if there lately was a sign of it."""
        return self._clash if now_s - self._clash_s < _REMEMBERED_S else None

    def _note(self, word: Word, *, kept: bool) -> None:
        (self.kept.add if kept else self.kept.discard)(word.kind)
        self.unreadable.pop(word.kind, None)
        if word.unreadable is not None:
            self.unreadable[word.kind] = word.unreadable
        if word.kind == "status" and word.said == "online":
            self.went = None

    def _available(self, status: str, *, kept: bool, now: Moment) -> None:
        if status == "offline" and self.status == "online" and not kept:
            self.went = now
        self.status = status

    def _forget(self, word: Word) -> None:
        match word.kind:
            case "status":
                self.status = None
            case "state":
                self.state = None
            case "info":
                self.info = None
            case "update":
                self.update = None

    def _compare_uptime(self, state: StatePayload, now: Moment) -> None:
        """Notice a state of another process that has been up for longer.

        Within one process the uptime grows as fast as the clocks; after a restart it is small. Both clocks,
        the box's and ours, must say that it grew too fast: messages can be late, and a clock can be set.
        """
        before = self.state
        if before is None:
            return
        grew_s = state.uptime_s - before.uptime_s
        passed_s = max(now.s - self.heard["state"].s, (state.ts - before.ts).total_seconds())
        if grew_s > passed_s + _SLACK_S:
            runs = f"{before.uptime_s:.0f} s and for {state.uptime_s:.0f} s"
            self._clash = f"programs speak in turns that run for {runs}"
            self._clash_s = now.s

    def _compare_serial(self, info: InfoPayload, now: Moment) -> None:
        """Notice another machine: a new one is a change, one that comes back is a second box."""
        serial = info.serial
        if serial is None or self._serials[-1:] == [serial]:
            return
        if self._serials:
            verb = "alternate" if serial in self._serials else "were heard, one after the other"
            self._clash = f"machines with the serials {self._serials[-1]} and {serial} {verb}"
            self._clash_s = now.s
        self._serials = [*self._serials, serial][-4:]
