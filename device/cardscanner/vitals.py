"""How scanning is going: written by the scan and publish threads, read by the watchdog and the reports."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from cardscanner.last_hour import LastHour
from cardscanner.mailbox import LatestSlot
from cardscanner.manifest import DatabaseManifest
from cardscanner.records import Decision
from cardscanner.stage_times import StageTimes

NpuCondition = Literal["ok", "hung", "absent", "mismatch"]


class Vitals:
    """A small record that several threads may use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started_ns = time.monotonic_ns()
        self._progress_ns: dict[str, int] = {}
        self._begun_ns: dict[str, int] = {}
        self._reasons: dict[str, str] = {}
        self._scans: Counter[Decision] = Counter()
        self._last_hour = LastHour()
        self._skipped = 0
        self._npu: NpuCondition = "absent"
        self._npu_restarts = 0
        self._telemetry: Mapping[str, float | str | bool] = {}
        self._database: DatabaseManifest | None = None
        self.ready = threading.Event()
        """Set when the scan thread has opened everything and waits for frames."""
        self.stages = StageTimes()
        """How long the stages of frames took."""
        self.paused = False
        """Whether somebody asked for no scanning just now."""
        self.pictures: LatestSlot[bytes] | None = None
        """Where the newest match's picture goes, as JPEG, when somebody wants it."""

    def progress(self, thread: str) -> None:
        """A thread got round its loop once more."""
        with self._lock:
            self._progress_ns[thread] = time.monotonic_ns()

    def stuck(self, limits_s: Mapping[str, float]) -> list[str]:
        """Return the threads that made no progress for longer than their limit."""
        now = time.monotonic_ns()
        with self._lock:
            last = {name: self._progress_ns.get(name, self._started_ns) for name in limits_s}
        return [name for name, limit in limits_s.items() if now - last[name] > limit * 1e9]

    @contextmanager
    def during(self, work: str) -> Iterator[None]:
        """Note that one piece of work is under way while the block runs; one thread at a time does it."""
        with self._lock:
            self._begun_ns[work] = time.monotonic_ns()
        try:
            yield
        finally:
            with self._lock:
                del self._begun_ns[work]

    def overdue(self, limits_s: Mapping[str, float]) -> list[str]:
        """Return the pieces of work that are under way for longer than their limit."""
        now = time.monotonic_ns()
        with self._lock:
            begun = dict(self._begun_ns)
        return [name for name, limit in limits_s.items() if now - begun.get(name, now) > limit * 1e9]

    def enter(self, reason: str, explanation: str) -> bool:
        """Note a trouble by its short name; return whether it is news."""
        with self._lock:
            news = reason not in self._reasons
            self._reasons[reason] = explanation
            return news

    def leave(self, reason: str) -> bool:
        """End a trouble; return whether it was there."""
        with self._lock:
            return self._reasons.pop(reason, None) is not None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Short names of what is wrong now."""
        with self._lock:
            return tuple(sorted(self._reasons))

    @property
    def explanations(self) -> dict[str, str]:
        """What is wrong now: short name -> what it is and what to do."""
        with self._lock:
            return dict(sorted(self._reasons.items()))

    def skipped(self) -> None:
        """Count one frame about which nothing is known, because the accelerator gave no answer."""
        with self._lock:
            self._skipped += 1

    @property
    def frames_skipped(self) -> int:
        """Frames about which nothing is known, since the start."""
        with self._lock:
            return self._skipped

    def decided(self, decision: Decision) -> None:
        """Count one decision."""
        with self._lock:
            self._scans[decision] += 1
            self._last_hour.count(time.monotonic())

    @property
    def scans(self) -> dict[Decision, int]:
        """Decisions since the start."""
        with self._lock:
            return dict(self._scans)

    @property
    def scans_last_hour(self) -> int:
        """Decisions of the last sixty minutes."""
        with self._lock:
            return self._last_hour.total(time.monotonic())

    def npu_is(self, condition: NpuCondition) -> bool:
        """Note how the accelerator is; return whether that is news."""
        with self._lock:
            news, self._npu = self._npu != condition, condition
            return news

    def npu_restarted(self, times: int) -> None:
        """Note how often the accelerator's process has been started again."""
        with self._lock:
            self._npu_restarts = times

    @property
    def npu_restarts(self) -> int:
        """How often the accelerator's process has been started again, since the start."""
        with self._lock:
            return self._npu_restarts

    def chip_says(self, telemetry: Mapping[str, float | str | bool]) -> None:
        """Keep the newest telemetry of the chip."""
        with self._lock:
            self._telemetry = dict(telemetry)

    @property
    def npu(self) -> tuple[NpuCondition, float | None]:
        """Condition and temperature in degrees Celsius (``None``: not known)."""
        with self._lock:
            warm = self._telemetry.get("temp_c")
            return self._npu, float(warm) if isinstance(warm, int | float) else None

    def database_is(self, manifest: DatabaseManifest) -> None:
        """Note which version of the database is in use."""
        with self._lock:
            self._database = manifest

    @property
    def database(self) -> DatabaseManifest | None:
        """The database in use; ``None`` until one is open."""
        with self._lock:
            return self._database

    @property
    def uptime_s(self) -> float:
        """Seconds since the start."""
        return (time.monotonic_ns() - self._started_ns) / 1e9
