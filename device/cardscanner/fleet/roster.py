"""Roster: every box that was heard of, as rows with what needs attention first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cardscanner.fleet.box import Box, Moment
from cardscanner.fleet.findings import LEVELS, Finding, findings_of
from cardscanner.fleet.words import read_word
from cardscanner.publish.messages import Message

MOST_BOXES = 20_000
"""More names than this are noise, or an attack: they are counted and left out."""


@dataclass(frozen=True, slots=True)
class Row:
    """One box as it is shown. What is not known is ``None``."""

    device: str
    state: str
    """``ready``, ``degraded``, ``starting``, ``updating``, ``stopping``; ``offline``; ``unknown``."""
    findings: tuple[Finding, ...]
    program: str | None
    model: str | None
    database: str | None
    scans_per_hour: float | None
    scans_over_s: float | None
    """Over which time that is."""
    scans: int | None
    """Since its start."""
    waiting: int | None
    """Messages in its outbox."""
    uptime_s: float | None
    said: datetime | None
    """The time of its last state, by its own clock."""
    hardware: str | None
    game: str | None

    @property
    def level(self) -> int:
        """How bad the worst is: 0 bad, 1 warning, 2 a note, 3 all well."""
        return min((LEVELS.index(each.level) for each in self.findings), default=len(LEVELS))

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look."""
        return self.level < LEVELS.index("note")


class Roster:
    """What is known. Owned by one thread."""

    def __init__(self, expected: Iterable[str] = ()) -> None:
        self.foreign = 0
        """Messages that come from no box, from one too many, or cannot be read."""
        self._boxes: dict[str, Box] = {}
        self._expected = frozenset(expected)
        self._listening_s: float | None = None

    def listening(self, since_s: float | None) -> None:
        """Say since when the broker is heard; ``None``: it is not."""
        self._listening_s = since_s

    def take(self, message: Message, now: Moment) -> None:
        """Take a message, whoever sent it."""
        word = read_word(message)
        if word is None or (word.device not in self._boxes and len(self._boxes) >= MOST_BOXES):
            self.foreign += 1
            return
        self.foreign += word.unreadable is not None
        box = self._boxes.setdefault(word.device, Box(word.device))
        box.take(word, kept=message.retain, now=now)
        if box.empty:
            del self._boxes[word.device]

    @property
    def lacking(self) -> bool:
        """Whether some box has not said everything that a box says."""
        return any(
            box.known and None in (box.status, box.state, box.info, box.update) and not box.unreadable
            for box in self._boxes.values()
        )

    def rows(self, now: Moment) -> list[Row]:
        """Return every box, those that need attention first, then by name."""
        boxes = [box for box in self._boxes.values() if box.known]
        usual = _usual(boxes)
        rows = [self._row(box, now, usual) for box in boxes]
        rows += [_never_heard(device) for device in self._expected - {box.device for box in boxes}]
        return sorted(rows, key=lambda row: (row.level, row.device))

    def _row(self, box: Box, now: Moment, usual: Mapping[tuple[str, str], str]) -> Row:
        found = [*findings_of(box, now, self._listening_s), *_unusual(box, usual)]
        found.sort(key=lambda each: LEVELS.index(each.level))
        state, versions = box.state, _versions(box)
        rate, over_s = _rate(box)
        return Row(
            device=box.device,
            state=_name(box),
            findings=tuple(found),
            program=versions.get("program"),
            model=versions.get("model"),
            database=versions.get("database"),
            scans_per_hour=rate,
            scans_over_s=over_s,
            scans=None if state is None else state.scans.match + state.scans.ambiguous + state.scans.no_match,
            waiting=None if state is None else state.outbox.depth,
            uptime_s=None if state is None or box.status != "online" else state.uptime_s,
            said=None if state is None else state.ts.astimezone(UTC),
            hardware=None if box.info is None else box.info.hw,
            game=None if box.info is None else box.info.game,
        )


def _never_heard(device: str) -> Row:
    missing = Finding("bad", "missing", "it is expected, and the broker knows nothing of it", "Set it up.")
    return Row(
        device, "unknown", (missing,), None, None, None, None, None, None, None, None, None, None, None
    )


def _name(box: Box) -> str:
    if box.status is None:
        return "unknown"
    if box.status == "offline":
        return "offline"
    return "unknown" if box.state is None else box.state.lifecycle


def _rate(box: Box) -> tuple[float | None, float | None]:
    """Return scans per hour and over which time; what is offline scans for nobody."""
    state = box.state
    if state is None or box.status != "online":
        return None, None
    if state.scans.last_hour is not None:
        return float(state.scans.last_hour), min(3600.0, state.uptime_s)
    total = state.scans.match + state.scans.ambiguous + state.scans.no_match
    return (round(total * 3600 / state.uptime_s, 1) if state.uptime_s >= 60 else None), state.uptime_s


def _versions(box: Box) -> dict[str, str]:
    info = box.info
    if info is None:
        return {}
    return {
        "program": info.daemon,
        "model": f"{info.model.name} {info.model.version}",
        "database": f"{info.db.name} {info.db.version}",
    }


def _groups(box: Box) -> list[tuple[tuple[str, str], str]]:
    """Return what is compared with what: databases with those of the same game."""
    game = "" if box.info is None else box.info.game
    return [((part, game if part == "database" else ""), version) for part, version in _versions(box).items()]


def _usual(boxes: Iterable[Box]) -> dict[tuple[str, str], str]:
    """Return the version that more than half of at least three boxes have."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for box in boxes:
        for group, version in _groups(box):
            counts.setdefault(group, Counter())[version] += 1
    usual = {}
    for group, versions in counts.items():
        version, many = versions.most_common(1)[0]
        if versions.total() >= 3 and many * 2 > versions.total():
            usual[group] = version
    return usual


def _unusual(box: Box, usual: Mapping[tuple[str, str], str]) -> list[Finding]:
    return [
        Finding(
            "warning",
            "version",
            f"{group[0]} {version}, most have {usual[group]}",
            "Bring it to the version of the others, or wait for the end of the roll-out.",
        )
        for group, version in _groups(box)
        if usual.get(group, version) != version
    ]
