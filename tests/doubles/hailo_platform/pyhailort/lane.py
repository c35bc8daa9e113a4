"""What stands behind a configured model: the queue to the chip, and the thread that calls back."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hailo_platform.pyhailort._pyhailort import check
from hailo_platform.pyhailort.enums import FormatType
from hailo_platform.pyhailort.hef_file import Content
from hailo_platform.pyhailort.infos import input_info
from hailo_platform.pyhailort.values import input_codes, output_bytes
from hailo_platform.world import HANG, next_of, world

TIMEOUT, STREAM_ABORT, STREAM_NOT_ACTIVATED, QUEUE_IS_FULL = 4, 63, 72, 82
UNDEFINED = 0xA5
"""What an output holds while nothing is known about it."""

Target = tuple[np.ndarray, np.ndarray]
"""Codes for the chip, and the array that its answer is written into."""


@dataclass(eq=False)
class Job:
    """Frames that are launched, and called back about, together."""

    frames: list[Target]
    callback: Callable[[int], None]
    done: threading.Event = field(default_factory=threading.Event)

    def wait(self, timeout_s: float) -> None:
        """Say only whether the job is over, never how it ended."""
        if not self.done.wait(timeout_s):
            check(TIMEOUT)


class Lane:
    """Runs jobs one after the other; once shut down it stays so."""

    def __init__(self, content: Content, input_type: FormatType, output_type: FormatType) -> None:
        self.content = content
        self.input_type = input_type
        self.output_type = output_type
        self.queue_size = world.queue_size
        self.status = 0
        self.activated = False
        self._jobs: deque[Job] = deque()
        self._frames = 0
        self._changed = threading.Condition()
        self._aborted = threading.Event()
        self._thread: threading.Thread | None = None

    def wait_ready(self, timeout_s: float, frames: int) -> None:
        check(next_of(world.readiness))
        with self._changed:
            ready = self._changed.wait_for(
                lambda: self.status != 0 or self._frames + frames <= self.queue_size, timeout_s
            )
            check(self.status)
        if not ready:
            check(TIMEOUT)

    def launch(self, buffers: list[tuple[bytes, np.ndarray]], callback: Callable[[int], None]) -> Job:
        info = input_info(self.content.header)
        codes = [input_codes(data, self.input_type, info) for data, _ in buffers]
        with self._changed:
            check(self.status)
            if self._frames + len(buffers) > self.queue_size:
                check(QUEUE_IS_FULL)
            for _, output in buffers:
                _scribble(output)
            job = Job([(each, output) for each, (_, output) in zip(codes, buffers, strict=True)], callback)
            self._jobs.append(job)
            self._frames += len(buffers)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="hailort callbacks", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return job

    def shutdown(self) -> None:
        """Abort what is in flight; its callbacks still come."""
        world.look()
        if world.drop_hangs and self._frames:
            threading.Event().wait()
        with self._changed:
            self.status = self.status or STREAM_ABORT
            self._aborted.set()
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(10)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._aborted.is_set())
                if not self._jobs:
                    return
                job = self._jobs.popleft()
            status = self._run(job)
            with self._changed:
                self.status = self.status or status
            self._call_back(job, status)
            with self._changed:
                self._frames -= len(job.frames)
                self._changed.notify_all()
            job.done.set()

    def _run(self, job: Job) -> int:
        if self.status:
            return self.status
        world.look()
        planned = next_of(world.jobs) or world.every_job
        self._aborted.wait(None if planned == HANG else world.latency_s)
        if self._aborted.is_set():
            return STREAM_ABORT
        for codes, output in job.frames:
            if planned == 0:
                answer = output_bytes(self.content, codes, self.output_type)
                output.reshape(-1).view(np.uint8)[:] = np.frombuffer(answer, np.uint8)
            else:
                _scribble(output)
        return planned

    def _call_back(self, job: Job, status: int) -> None:
        """Nobody can catch what escapes on this thread: the process ends, as it does in C++."""
        if world.forgotten_callbacks:
            world.forgotten_callbacks -= 1
            return
        try:
            job.callback(status)
        except BaseException:
            traceback.print_exc()
            sys.stderr.write("terminate called: an exception escaped from a completion callback\n")
            sys.stderr.flush()
            os.abort()


def _scribble(output: np.ndarray) -> None:
    output.reshape(-1).view(np.uint8)[:] = UNDEFINED
