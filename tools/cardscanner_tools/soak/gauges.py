"""What the kernel says about a process and its children: memory, open files, threads."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the daemon; times in seconds from the start of the soak."""

    at_s: float
    rss_mb: float
    fds: int
    threads: int
    children: int
    children_rss_mb: float
    children_fds: int


def sample(pid: int, at_s: float) -> Sample | None:
    """Look at a process and everything that it started; ``None``: it is gone."""
    own = _gauge(pid)
    if own is None:
        return None
    below = [found for child in descendants(pid) if (found := _gauge(child)) is not None]
    return Sample(
        at_s=round(at_s, 2),
        rss_mb=round(own[0], 2),
        fds=own[1],
        threads=own[2],
        children=len(below),
        children_rss_mb=round(sum(rss for rss, _, _ in below), 2),
        children_fds=sum(fds for _, fds, _ in below),
    )


def descendants(pid: int) -> list[int]:
    """Return the process ids below one, nearest first; a process that ends meanwhile has none."""
    found: list[int] = []
    with suppress(OSError):
        for task in (_PROC / str(pid) / "task").iterdir():
            found += [int(word) for word in (task / "children").read_text().split()]
    return found + [below for child in found for below in descendants(child)]


def command_line(pid: int) -> str:
    """Return what a process was started with; empty when it is gone."""
    with suppress(OSError):
        return (_PROC / str(pid) / "cmdline").read_text().replace("\0", " ")
    return ""


def _gauge(pid: int) -> tuple[float, int, int] | None:
    """Resident MB, open files, threads."""
    home = _PROC / str(pid)
    try:
        resident = int((home / "statm").read_text().split()[1])
        return resident * _PAGE_MB, _count(home / "fd"), _count(home / "task")
    except OSError:
        return None


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())
