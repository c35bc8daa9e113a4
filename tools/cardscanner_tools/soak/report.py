"""What a soak found: a verdict in words, every sample as CSV, a plot."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cardscanner_tools.soak.gauges import Sample
from cardscanner_tools.soak.trend import DAY_S, Trend, levels, trend

LIMIT_MB_PER_DAY = 1.0
NOISE_MB = 4.0
"""What glibc's arenas and Python's pools may settle by in one run; more than that, and surely, is growth."""
_FD_NOISE = 1.0
_THREAD_NOISE = 3.0
"""The page's pool keeps threads that were wanted lately, and lets them go when it is idle."""
WARM_UP = 1 / 3


@dataclass(frozen=True, slots=True)
class Counts:
    """What was sent and what arrived."""

    decided: int
    scans_heard: int
    messages: int
    lost: int
    duplicates: int
    repeats: int
    waiting: int
    restarts: int


def settled(samples: Sequence[Sample]) -> list[Sample]:
    """Leave out the warm-up third."""
    begin, end = samples[0].at_s, samples[-1].at_s
    return [each for each in samples if each.at_s >= begin + (end - begin) * WARM_UP]


def judge(samples: Sequence[Sample], counts: Counts) -> tuple[list[str], list[str]]:
    """Return the lines of the report and what is over its limit."""
    kept = settled(samples)
    at_s = [each.at_s for each in kept]
    memory = trend(at_s, [each.rss_mb for each in kept])
    lines = [_memory_line("daemon", memory, kept[-1].rss_mb)]
    lines.append(
        f"children: {kept[-1].children_rss_mb:.0f} MB in {kept[-1].children} processes at the end, "
        f"at most {max(each.children_rss_mb for each in kept):.0f} MB"
    )
    wrong = _growth(memory)
    for name, noise in (("fds", _FD_NOISE), ("threads", _THREAD_NOISE)):
        first, last = levels(at_s, [getattr(each, name) for each in kept])
        lines.append(f"{name}: {first:g} at first, {last:g} at last")
        if last > first + noise:
            wrong.append(f"{name} grew from {first:g} to {last:g}")
    lines.append(
        f"scans: {counts.decided} decided, {counts.scans_heard} heard; messages: {counts.messages} heard, "
        f"{counts.lost} lost, {counts.duplicates} duplicates, {counts.waiting} still waiting; "
        f"{counts.repeats} sent again with the same id"
    )
    return lines, wrong + _account(counts)


def _memory_line(name: str, memory: Trend, last_mb: float) -> str:
    hours = NOISE_MB / LIMIT_MB_PER_DAY * 24
    return (
        f"{name}: {last_mb:.0f} MB at the end, {memory.per_day:+.0f} MB/day "
        f"[{memory.low:+.0f}, {memory.high:+.0f}] with 95 % certainty, "
        f"{memory.gained:+.1f} MB over the measured part "
        f"(growth of {LIMIT_MB_PER_DAY:g} MB/day leaves the noise, {NOISE_MB:g} MB, after {hours:.0f} h)"
    )


def _growth(memory: Trend) -> list[str]:
    if memory.proves_more_than(LIMIT_MB_PER_DAY, NOISE_MB):
        return [f"memory surely grows: at least {memory.low:.0f} MB/day, {memory.gained:.1f} MB in this run"]
    return []


def _account(counts: Counts) -> list[str]:
    wrong = []
    if counts.lost:
        wrong.append(f"{counts.lost} messages were lost")
    if counts.duplicates:
        wrong.append(f"{counts.duplicates} messages came as two")
    if counts.waiting:
        wrong.append(f"{counts.waiting} messages still wait though the broker is there")
    if counts.decided != counts.scans_heard:
        wrong.append(f"{counts.decided} cards were decided, {counts.scans_heard} scans heard")
    if not counts.decided:
        wrong.append("nothing was scanned")
    if counts.restarts:
        wrong.append(f"the daemon ended by itself {counts.restarts} times")
    return wrong


def write_csv(path: Path, samples: Sequence[Sample]) -> None:
    """Write every sample."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, [each.name for each in fields(Sample)])
        rows.writeheader()
        rows.writerows(asdict(each) for each in samples)


def plot(path: Path, samples: Sequence[Sample], troubles: Sequence[tuple[float, str]]) -> None:
    """Draw memory, open files and threads over time; a thin line for each trouble."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 8), layout="constrained")
    minutes = [each.at_s / 60 for each in samples]
    memory, files, threads = figure.subplots(3, 1, sharex=True)
    memory.plot(minutes, [each.rss_mb for each in samples], label="daemon")
    memory.plot(minutes, [each.children_rss_mb for each in samples], label="its children")
    kept = settled(samples)
    line = trend([each.at_s for each in kept], [each.rss_mb for each in kept])
    memory.set_title(f"daemon {line.per_day:+.0f} MB/day [{line.low:+.0f}, {line.high:+.0f}]", loc="right")
    memory.set_ylabel("resident MB")
    files.plot(minutes, [each.fds for each in samples], label="daemon")
    files.set_ylabel("open files")
    threads.plot(minutes, [each.threads for each in samples], label="daemon")
    threads.set_ylabel("threads")
    threads.set_xlabel("minutes")
    for axes in (memory, files, threads):
        axes.axvspan(minutes[0], kept[0].at_s / 60, color="0.93")
        for at_s, _ in troubles:
            axes.axvline(at_s / 60, color="0.8", linewidth=0.5)
        axes.legend(loc="lower right")
    FigureCanvasAgg(figure)
    figure.savefig(path)


def per_day(amount: float, seconds: float) -> float:
    """Return an amount of a run as that of a day."""
    return amount * DAY_S / seconds
