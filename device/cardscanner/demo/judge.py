"""Comparing what was reported with what was presented."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

from cardscanner.errors import InputError

LATE_S = 1.6
"""An event may come this long after the card was taken away."""

Mark = Literal["correct", "wrong", "duplicate", "false"]


@dataclass(frozen=True, slots=True)
class Presentation:
    """One card shown in the film; times in seconds from its start."""

    card_id: str
    way: str
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Heard:
    """One scan event as a subscriber got it."""

    at_s: float
    """Position in the film at the decision."""
    payload: dict[str, Any]


@dataclass(slots=True)
class Judge:
    """Marks events one by one; each presentation may be reported once."""

    presented: Sequence[Presentation]
    marks: list[tuple[Heard, Mark]] = field(default_factory=list)
    _reported: set[int] = field(default_factory=set)
    _ids: set[str] = field(default_factory=set)

    def mark(self, heard: Heard) -> Mark | None:
        """Return what the event is worth; ``None`` for a repetition with the same id (allowed by QoS 1)."""
        if heard.payload["id"] in self._ids:
            return None
        self._ids.add(heard.payload["id"])
        card = heard.payload["card"]
        mark = self._judge(heard.at_s, card["card_id"] if card else None)
        self.marks.append((heard, mark))
        return mark

    def _judge(self, at_s: float, card_id: str | None) -> Mark:
        shown = [
            number for number, each in enumerate(self.presented) if each.from_s <= at_s <= each.to_s + LATE_S
        ]
        same = [number for number in shown if self.presented[number].card_id == card_id]
        free = [number for number in same if number not in self._reported]
        if free:
            self._reported.add(free[0])
            return "correct"
        if same:
            return "duplicate"
        others = [number for number in shown if number not in self._reported]
        if not others:
            return "duplicate" if shown else "false"
        self._reported.add(others[0])
        return "wrong"

    @property
    def seconds(self) -> float:
        """When the last card is taken away; 0 for a film without cards."""
        return max((each.to_s for each in self.presented), default=0.0)

    def missed(self) -> list[Presentation]:
        """Presentations without any event."""
        return [each for number, each in enumerate(self.presented) if number not in self._reported]

    def summary(self) -> dict[str, Any]:
        """Counts, and the median of each stage in milliseconds."""
        counts = {
            mark: sum(each == mark for _, each in self.marks)
            for mark in ("correct", "wrong", "duplicate", "false")
        }
        stages: dict[str, list[float]] = {}
        for heard, _ in self.marks:
            for stage, value in heard.payload["latency_ms"].items():
                stages.setdefault(stage, []).append(value)
        return {
            "presented": len(self.presented),
            "correct": counts["correct"],
            "wrong": counts["wrong"],
            "missed": len(self.missed()),
            "duplicates": counts["duplicate"],
            "false_events": counts["false"],
            "stage_ms": {stage: round(median(values), 2) for stage, values in stages.items()},
        }


def read_truth(path: Path) -> list[Presentation]:
    """Read the film's truth file."""
    try:
        shown = json.loads(path.read_text(encoding="utf-8"))["shown"]
        return [
            Presentation(**{**each, "from_s": float(each["from_s"]), "to_s": float(each["to_s"])})
            for each in shown
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not the truth of a film: {error}; render it again with make demo-assets"
        ) from error
