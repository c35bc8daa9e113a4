"""One row of the acceptance table: a target, a measured figure, a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["met", "not met", "not measured here"]
Sign = Literal[">=", "<=", ">", "<"]


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure must be."""

    sign: Sign
    value: float
    percent: bool = True

    def holds(self, value: float) -> bool:
        """Whether a value is on the right side."""
        sides = {
            ">=": value >= self.value,
            "<=": value <= self.value,
            ">": value > self.value,
            "<": value < self.value,
        }
        return sides[self.sign]

    def __str__(self) -> str:
        return f"{self.sign} {written(self.value, percent=self.percent)}"


@dataclass(frozen=True, slots=True)
class Row:
    """One criterion."""

    criterion: str
    target: str
    figure: str
    verdict: Verdict
    sure: bool | None
    """Whether the whole 95 % interval lies on the verdict's side; ``None`` without a figure or interval."""
    note: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "criterion": self.criterion,
            "target": self.target,
            "figure": self.figure,
            "verdict": self.verdict,
            "sure": self.sure,
            "note": self.note,
        }


def judged(
    criterion: str,
    figure: Mapping[str, float] | float | None,
    limit: Limit,
    note: str = "",
    aim: Limit | None = None,
) -> Row:
    """Compare a figure of the JSON document (or a plain number) with its limit."""
    target = str(limit) + (f" (aim {aim})" if aim else "")
    if figure is None:
        return Row(criterion, target, "-", "not measured here", None, note)
    if not isinstance(figure, Mapping):
        return Row(
            criterion,
            target,
            written(figure, percent=limit.percent),
            _verdict(limit.holds(figure)),
            None,
            note,
        )
    value, low, high = figure["value"], figure["low"], figure["high"]
    met = limit.holds(value)
    sure = limit.holds(low) == limit.holds(high) == met
    text = f"{written(value, percent=limit.percent)} ({_pair(low, high, limit)}, n = {figure['n']:g})"
    if aim:
        note = f"aim {'reached' if aim.holds(value) else 'not reached'}" + (f"; {note}" if note else "")
    return Row(criterion, target, text, _verdict(met), sure, note)


def not_measured(criterion: str, target: str, note: str) -> Row:
    """Return a row that this run cannot fill."""
    return Row(criterion, target, "-", "not measured here", None, note)


def find(document: Mapping[str, Any], *path: str) -> Any:
    """Return what lies at a path of nested dictionaries, ``None`` where it ends early."""
    place: Any = document
    for key in path:
        if not isinstance(place, Mapping) or key not in place:
            return None
        place = place[key]
    return place


def written(value: float, *, percent: bool) -> str:
    """Return a value as a person writes it."""
    if percent:
        return f"{value * 100:.2f}".rstrip("0").rstrip(".") + " %"
    return f"{value:.3f}".rstrip("0").rstrip(".")


def table_text(rows: list[Row]) -> str:
    """Return the table for a terminal."""
    cells = [("criterion", "target", "measured (95 % interval)", "verdict", "note")]
    for row in rows:
        verdict = row.verdict + (" (within error)" if row.sure is False else "")
        cells.append((row.criterion, row.target, row.figure, verdict, row.note))
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line[:4], widths, strict=True)) + "  " + line[4]
        for line in cells
    )


def _verdict(met: bool) -> Verdict:  # noqa: FBT001 - the only thing it takes
    return "met" if met else "not met"


def _pair(low: float, high: float, limit: Limit) -> str:
    return f"{written(low, percent=limit.percent)} to {written(high, percent=limit.percent)}"
