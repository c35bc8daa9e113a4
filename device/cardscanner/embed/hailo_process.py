"""The Hailo chip in a process of its own, as the daemon sees it: vectors, or a clear fault; it can be killed.

A call into HailoRT can hang in the driver, and a chip that hung is often unusable until the process that had
it has ended. So a call that is not answered in time costs the process its life; a fresh one opens the chip
again while the daemon goes on. The same way a process that died is replaced, and a chip that is not there is
waited for.

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
from typing import Literal

import numpy as np
import structlog

from cardscanner.config import HailoConfig
from cardscanner.embed.arrays import check_crops, no_rows
from cardscanner.embed.crop_memory import CROPS_AT_ONCE, CropMemory, crop_memory_bytes
from cardscanner.embed.model import open_model
from cardscanner.errors import (
    ArtifactError,
    EmbedderAway,
    EmbedderDead,
    EmbedderFailed,
    EmbedderTimeout,
    NpuTrouble,
)
from cardscanner.ports import EmbedderHealth, ModelInfo
from cardscanner.records import Batch, Vectors
from cardscanner.wire import HungUp
from cardscanner.worker_process import WorkerProcess

log = structlog.get_logger(__name__)

SLACK_S = 0.5
"""Beside the configured time of an inference: for the way there and back, and for a batch."""
OPEN_WITHIN_S = 20.0
"""Python, the vendor's library, reading the network, and one inference."""
TELEMETRY_WITHIN_S = 5.0
PAUSES_S = (0.0, 1.0, 5.0, 10.0, 20.0, 40.0, 60.0)
"""Before the next attempts to open a chip that has worked; one that never has begins with 5 s."""
_FIRST_PAUSE = 2
_REAP_S = 0.3

_WAIT = "; it is tried again in the background, and scanning goes on by itself"


def start_hailo(config: HailoConfig) -> HailoProcess:
    """Begin to open the chip, and return at once; :meth:`HailoProcess.attend` tells how it goes.

    Raises
    ------
    ArtifactError
        Manifest or HEF is missing or damaged.
    """
    _, _, info = open_model(config.model, "model.hef")
    return HailoProcess(config, info)


class HailoProcess:
    """A :class:`cardscanner.ports.LastingEmbedder`; its process dies with the thread that attends to it."""

    def __init__(self, config: HailoConfig, info: ModelInfo) -> None:
        self.info = info
        self._config = config
        self._answer_s = config.timeout_ms / 1000 + SLACK_S
        self._worker: WorkerProcess | None = None
        self._memory: CropMemory | None = None
        self._condition: Literal["starting", "ok"] | NpuTrouble = "starting"
        self._words = "the accelerator is being opened"
        self._readings: Mapping[str, float | str | bool] = {}
        self._asked_s: float | None = None
        self._deadline_s = 0.0
        self._next_try_s = 0.0
        self._starts = 0
        self._failures = _FIRST_PAUSE
        self._has_worked = False
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process id of the accelerator process, while there is one."""
        return None if self._worker is None else self._worker.pid

    def attend(self) -> EmbedderHealth:
        """Take one step in looking after the chip, without waiting for it.

        Raises
        ------
        ArtifactError
            The network is for another chip: no further attempt would help.
        """
        if not self._closed:
            try:
                self._take_a_step()
            except EmbedderDead as error:
                self._lose(error.trouble, str(error))
            except ArtifactError as error:
                self._end_worker()
                if not self._has_worked:
                    raise
                # A network that ran on this chip is not to blame, whatever a sick chip says.
                self._lose("hung", str(error))
        return EmbedderHealth(self._condition, self._words, max(0, self._starts - 1))

    def embed(self, crops: Batch) -> Vectors:
        """Embed crops, see :class:`cardscanner.ports.Embedder`; EmbedderAway while the chip is away."""
        check_crops(crops, self.info)
        if self._closed:
            raise EmbedderDead("the embedder was closed: open another one with start_embedder()")
        if len(crops) == 0:
            return no_rows(self.info)
        health = self.attend()
        if health.condition != "ok" or self._worker is None or self._memory is None:
            raise EmbedderAway(health.words)
        parts = [
            self._embed_some(self._worker, self._memory, crops[start : start + CROPS_AT_ONCE])
            for start in range(0, len(crops), CROPS_AT_ONCE)
        ]
        self._failures = 0
        return np.concatenate(parts)

    def telemetry(self) -> Mapping[str, float | str | bool]:
        """Return what the chip told last, and ask it again; never waits."""
        if self._condition != "ok" or self._worker is None:
            return {}
        if self._asked_s is None:
            self._worker.say("telemetry")
            self._asked_s = time.monotonic()
        return dict(self._readings)

    def close(self) -> None:
        """Give the chip back; safe to call twice."""
        self._closed = True
        self._condition, self._words = "absent", "the embedder was closed"
        worker, self._worker, self._memory = self._worker, None, None
        if worker is not None:
            worker.close()

    def _take_a_step(self) -> None:
        if self._worker is None:
            if time.monotonic() >= self._next_try_s:
                self._start()
            return
        match self._hear(self._worker, 0):
            case ["open", dict(readings)]:
                self._readings, self._has_worked = readings, True
                self._condition, self._words = "ok", ""
                self._failures = min(self._failures, _FIRST_PAUSE)
            case None:
                self._check_patience()
            case other:
                raise EmbedderDead(f"the accelerator process said {other}, unasked", "hung")

    def _start(self) -> None:
        try:
            worker = WorkerProcess.start("accelerator", "cardscanner.embed.hailo_worker")
        except OSError as error:
            raise EmbedderDead(f"the accelerator process cannot be started: {error}") from error
        self._worker = worker
        self._starts += 1
        self._asked_s = None
        self._deadline_s = time.monotonic() + OPEN_WITHIN_S
        size = crop_memory_bytes(self.info)
        os.ftruncate(worker.memory_fd, size)
        self._memory = CropMemory(mmap.mmap(worker.memory_fd, size), self.info)
        worker.say(self._config.model_dump(mode="json"))

    def _check_patience(self) -> None:
        now_s = time.monotonic()
        if self._condition != "ok" and now_s > self._deadline_s:
            raise EmbedderDead(f"the Hailo chip was not open within {OPEN_WITHIN_S:g} s", "hung")
        if self._asked_s is not None and now_s - self._asked_s > TELEMETRY_WITHIN_S:
            raise EmbedderDead(
                f"the Hailo chip did not say how it is within {TELEMETRY_WITHIN_S:g} s", "hung"
            )

    def _embed_some(self, worker: WorkerProcess, memory: CropMemory, crops: Batch) -> Vectors:
        memory.crops[: len(crops)] = crops
        try:
            worker.say("embed", len(crops))
            answer = self._hear(worker, self._answer_s)
        except (EmbedderDead, ArtifactError) as error:
            trouble = error.trouble if isinstance(error, EmbedderDead) else "hung"
            self._lose(trouble, str(error))
            raise EmbedderTimeout(f"{error}; nothing is known about these crops") from error
        match answer:
            case ["done", count] if count == len(crops):
                return memory.vectors[: len(crops)].copy()
            case ["failed", why]:
                raise EmbedderFailed(str(why))
        why = _why_no_vectors(answer, self._answer_s)
        self._lose("hung", why)
        raise EmbedderTimeout(why)

    def _hear(self, worker: WorkerProcess, timeout_s: float) -> list[object] | None:
        """Return the next word that is meant for the caller.

        Raises
        ------
        EmbedderDead, ArtifactError
            What the accelerator process said at its end, or that it ended.
        """
        end_s = time.monotonic() + timeout_s
        while True:
            try:
                words = worker.hear(end_s - time.monotonic())
            except HungUp:
                raise EmbedderDead(worker.how_it_ended(), "hung") from None
            match words:
                case ["log", str(level), str(event), dict(fields)]:
                    log.log(_LEVELS.get(level, _LEVELS["error"]), event, **fields)
                case ["telemetry", dict(readings)]:
                    self._readings, self._asked_s = readings, None
                case ["dead", str(why), "hung" | "absent" | "mismatch" as trouble]:
                    raise EmbedderDead(why, trouble)
                case ["artifact", why]:
                    raise ArtifactError(str(why))
                case _:
                    return words

    def _lose(self, trouble: NpuTrouble, words: str) -> None:
        """End the process; the next attempts to open the chip come ever more rarely until a call succeeds."""
        self._end_worker()
        self._condition, self._words = trouble, words + _WAIT
        self._next_try_s = time.monotonic() + PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
        self._failures += 1

    def _end_worker(self) -> None:
        worker, self._worker, self._memory = self._worker, None, None
        if worker is not None:
            worker.kill(_REAP_S)


def _why_no_vectors(answer: list[object] | None, waited_s: float) -> str:
    match answer:
        case ["timeout", why]:
            return str(why)
        case None:
            return f"the Hailo chip gave no answer for {waited_s:g} s; nothing is known about these crops"
        case other:
            return f"the accelerator process answered {other}; nothing is known about these crops"


_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
