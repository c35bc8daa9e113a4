"""What the daemon says to the accelerator process, and what it hears.

Daemon to accelerator process: first the configuration, then ``["embed", count]`` for crops in the shared
memory, and ``["telemetry"]``; hanging up asks it to end.

Accelerator process to daemon: ``["open", readings]`` once; for crops ``["done", count]``,
``["timeout", why]`` or ``["failed", why]``; ``["telemetry", readings]``; ``["log", level, event, fields]`` at
any time; at the end perhaps ``["dead", why, trouble]`` or ``["artifact", why]``.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Mapping

import structlog

from cardscanner.config import HailoConfig
from cardscanner.embed.crop_memory import CropMemory, crop_memory_bytes
from cardscanner.errors import ArtifactError, EmbedderDead, EmbedderFailed, EmbedderTimeout
from cardscanner.ports import ModelInfo
from cardscanner.records import Batch, Vectors
from cardscanner.wire import HungUp
from cardscanner.worker_process import WorkerProcess

log = structlog.get_logger(__name__)

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_REAP_S = 0.3


class HailoLink:
    """One accelerator process, from its start to its end.

    Every method that hears may raise EmbedderDead and ArtifactError: what the process said at its end, or
    that it ended without a word.
    """

    def __init__(self, worker: WorkerProcess, memory: CropMemory) -> None:
        self.readings: Mapping[str, float | str | bool] = {}
        self.asked_s: float | None = None
        """Since when an answer about the chip's telemetry is due."""
        self._worker = worker
        self._memory: CropMemory | None = memory

    @classmethod
    def start(
        cls, config: HailoConfig, info: ModelInfo, module: str = "cardscanner.embed.hailo_worker"
    ) -> HailoLink:
        """Start the process and return at once."""
        try:
            worker = WorkerProcess.start("accelerator", module)
        except OSError as error:
            raise EmbedderDead(f"the accelerator process cannot be started: {error}") from error
        size = crop_memory_bytes(info)
        os.ftruncate(worker.memory_fd, size)
        memory = CropMemory(mmap.mmap(worker.memory_fd, size), info)
        worker.say(config.model_dump(mode="json"))
        return cls(worker, memory)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._worker.pid

    def is_open(self) -> bool:
        """Hear what it said since the last time; return whether that was that the chip is open."""
        match self._hear(0):
            case ["open", dict(readings)]:
                self.readings = readings
                return True
            case None:
                return False
            case other:
                raise EmbedderDead(f"the accelerator process said {other}, unasked", "hung")

    def embed(self, crops: Batch, within_s: float) -> Vectors:
        """Embed as many crops as the memory holds.

        Raises
        ------
        EmbedderFailed
            The call failed, and the process has cured it.
        EmbedderTimeout
            No answer in time: end the process.
        """
        assert self._memory is not None  # noqa: S101 - nobody asks a process that was ended
        self._memory.crops[: len(crops)] = crops
        self._worker.say("embed", len(crops))
        match self._hear(within_s):
            case ["done", count] if count == len(crops):
                return self._memory.vectors[: len(crops)].copy()
            case ["failed", why]:
                raise EmbedderFailed(str(why))
            case ["timeout", why]:
                raise EmbedderTimeout(str(why))
            case None:
                raise EmbedderTimeout(
                    f"the Hailo chip gave no answer for {within_s:g} s; nothing is known about these crops"
                )
            case other:
                raise EmbedderTimeout(
                    f"the accelerator process answered {other}; nothing is known about these crops"
                )

    def ask_telemetry(self) -> None:
        """Ask how the chip is; ``readings`` has the answer some time later."""
        if self.asked_s is None:
            self._worker.say("telemetry")
            self.asked_s = time.monotonic()

    def close(self) -> None:
        """Ask the process to give the chip back and to end; safe to call twice."""
        self._memory = None  # unmaps
        self._worker.close()

    def kill(self) -> None:
        """End the process at once."""
        self._memory = None
        self._worker.kill(_REAP_S)

    def _hear(self, timeout_s: float) -> list[object] | None:
        """Return the next word that is not for the log."""
        end_s = time.monotonic() + timeout_s
        while True:
            try:
                words = self._worker.hear(end_s - time.monotonic())
            except HungUp:
                raise EmbedderDead(self._worker.how_it_ended(), "hung") from None
            match words:
                case ["log", str(level), str(event), dict(fields)]:
                    log.log(_LEVELS.get(level, _LEVELS["error"]), event, **fields)
                case ["telemetry", dict(readings)]:
                    self.readings, self.asked_s = readings, None
                case ["dead", str(why), "hung" | "absent" | "mismatch" as trouble]:
                    raise EmbedderDead(why, trouble)
                case ["artifact", why]:
                    raise ArtifactError(str(why))
                case _:
                    return words
