"""The table of ``cardscanner fleet``: a line for each box, as wide as the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from cardscanner.fleet.findings import span
from cardscanner.fleet.forms import Glance
from cardscanner.fleet.roster import Row

Paint = Callable[[str, str], str]
"""Takes a level (``bad``, ``warning``, ``note``) or ``head``, and text."""

_GAP = "  "
_LEAST_WORDS = 24
_CODES = {"bad": "31;1", "warning": "33", "note": "36", "head": "1"}


def painted(kind: str, text: str) -> str:
    """Return text in the colour of its kind, for a terminal."""
    return f"\x1b[{_CODES[kind]}m{text}\x1b[0m"


def unpainted(_kind: str, text: str) -> str:
    """Return text as it is."""
    return text


def plain(text: str) -> str:
    """Return text that moves no cursor: what boxes say is theirs, and anybody may publish."""
    return "".join(each if each.isprintable() else "?" for each in text)


def summary_line(summary: Glance) -> str:
    """Return the fleet in one line."""
    return (
        f"{_many(summary.boxes, 'box', 'boxes')}, {summary.online:,} online, "
        f"{summary.attention:,} {'needs' if summary.attention == 1 else 'need'} attention, "
        f"{summary.scans_per_hour:,} scans/h, broker {summary.broker}"
        f"{'' if summary.connected else ' (not connected)'}"
    )


def table_lines(
    rows: Sequence[Row], width: int, paint: Paint = unpainted, most: int | None = None
) -> list[str]:
    """Return the head and a line for each row, none wider than ``width``; at most ``most`` lines."""
    shown = rows if most is None or len(rows) + 1 <= most else rows[: max(0, most - 2)]
    cells = [_cells(row) for row in shown]
    names = _fitting(cells, width)
    widths = {
        name: max(len(name), *(len(each[name]) for each in cells), 0) for name in names if name != _LAST
    }
    lines = [paint("head", _line({name: name for name in (*widths, _LAST)}, widths, width))]
    for row, each in zip(shown, cells, strict=True):
        line = _line(each, widths, width)
        lines.append(paint(row.findings[0].level, line) if row.findings else line)
    if len(shown) < len(rows):
        lines.append(_rest(rows[len(shown) :])[:width])
    return lines


def finding_lines(row: Row, width: int, paint: Paint = unpainted) -> list[str]:
    """Return everything about one row, each thing with what to do, wrapped."""
    lines = []
    for each in row.findings:
        first = textwrap.wrap(plain(f"{each.level}: {each.words}"), max(20, width - 4)) or [""]
        lines += [f"    {paint(each.level, line)}" for line in first]
        if each.fix is not None:
            lines += [f"      {line}" for line in textwrap.wrap(plain(each.fix), max(20, width - 6))]
    return lines


_LAST = "what there is to say"
_NUMBERS = {"scans/h", "waiting"}
_DROPPED_FIRST = ("up", "model", "database", "program", "waiting", "scans/h")
"""Columns that a narrow terminal goes without, in this order."""


def _cells(row: Row) -> dict[str, str]:
    return {
        "box": plain(row.device),
        "state": plain(row.state),
        "scans/h": _rate(row),
        "waiting": "" if row.waiting is None else f"{row.waiting:,}",
        "up": "" if row.uptime_s is None else span(row.uptime_s),
        "program": plain(row.program or "")[:16],
        "model": plain(row.model or "")[:18],
        "database": plain(row.database or "")[:24],
        _LAST: plain("; ".join(each.words for each in row.findings)),
    }


def _rate(row: Row) -> str:
    """Return scans per hour; ``~`` where it is the mean since the start, of an older box."""
    if row.scans_per_hour is None:
        return ""
    mean = row.scans_over_s is not None and row.scans_over_s > 3600
    return f"{'~' if mean else ''}{row.scans_per_hour:,.0f}"


def _fitting(cells: Sequence[dict[str, str]], width: int) -> list[str]:
    names = [name for name in _cells_names(cells) if name != _LAST]
    for dropped in (None, *_DROPPED_FIRST):
        names = [name for name in names if name != dropped]
        used = sum(max(len(name), *(len(each[name]) for each in cells), 0) + len(_GAP) for name in names)
        if used + _LEAST_WORDS <= width:
            break
    return [*names, _LAST]


def _cells_names(cells: Sequence[dict[str, str]]) -> list[str]:
    return list(cells[0]) if cells else ["box", "state", "scans/h", _LAST]


def _line(each: dict[str, str], widths: dict[str, int], width: int) -> str:
    parts = [
        each[name].rjust(wide) if name in _NUMBERS else each[name].ljust(wide)
        for name, wide in widths.items()
    ]
    line = _GAP.join([*parts, each[_LAST]]).rstrip()
    return line if len(line) <= width else f"{line[: max(0, width - 1)]}…"


def _rest(rows: Sequence[Row]) -> str:
    troubled = sum(row.needs_attention for row in rows)
    tail = f"{troubled:,} of them need attention" if troubled else "none of them needs attention"
    return f"and {len(rows):,} more: {tail}"


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"
