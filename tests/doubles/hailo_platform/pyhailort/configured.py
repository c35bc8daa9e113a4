"""ConfiguredInferModel and the jobs that it runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Self

import numpy as np

from hailo_platform.pyhailort import bindings as request
from hailo_platform.pyhailort._pyhailort import HailoRTStatusException, check
from hailo_platform.pyhailort.exceptions import exception_of, wrapped
from hailo_platform.pyhailort.infos import input_info, output_info
from hailo_platform.pyhailort.lane import STREAM_NOT_ACTIVATED, Job, Lane
from hailo_platform.pyhailort.statuses import spoken
from hailo_platform.pyhailort.values import DTYPES
from hailo_platform.world import next_of, world

_INVALID_OPERATION, _NOT_FOUND = 6, 61


class AsyncInferCompletionInfo:
    def __init__(self, exception: Exception | None) -> None:
        self._exception = exception

    @property
    def exception(self) -> Exception | None:
        return self._exception


class AsyncInferJob:
    def __init__(self, job: Job) -> None:
        self._job = job

    def wait(self, timeout_ms: float) -> None:
        """Wait until the callback has returned; a failed job is no error here."""
        with wrapped():
            self._job.wait(_seconds(timeout_ms))


class _Engine:
    """The C++ object: shuts down when the last reference to it goes.

    It returns its statuses: in a traceback it would live longer than any C++ object does.
    """

    def __init__(self, lane: Lane, chip: Any) -> None:
        self.lane = lane
        self.chip = chip
        chip.engines += 1

    def run_async(
        self, requests: list[request.Bindings], callback: Callable[[int], None]
    ) -> tuple[int, Job | None]:
        """Any refusal shuts the model down for good."""
        try:
            check(next_of(world.launches))
            if not (self.chip.scheduled or self.lane.activated):
                check(STREAM_NOT_ACTIVATED)
            return 0, self.lane.launch([self._buffers(each) for each in requests], callback)
        except HailoRTStatusException as error:
            self.lane.shutdown()
            return int(str(error)), None

    def _buffers(self, each: request.Bindings) -> tuple[bytes, np.ndarray]:
        header = self.lane.content.header
        pairs = (
            (each.input(), input_info(header), self.lane.input_type),
            (each.output(), output_info(header), self.lane.output_type),
        )
        for edge, info, type_ in pairs:
            if edge.get_buffer() is None:
                check(_NOT_FOUND)
            if edge.nbytes != math.prod(info.shape) * DTYPES[type_].itemsize:
                check(_INVALID_OPERATION)
        return each.input().get_buffer().tobytes(), each.output().get_buffer()

    def activate(self) -> int:
        self.lane.activated = not self.chip.scheduled
        return 0 if self.lane.activated else _INVALID_OPERATION

    def __del__(self) -> None:
        self.lane.shutdown()
        self.chip.engines -= 1
        world.events.append("configured model dropped")


class ConfiguredInferModel:
    Bindings = request.Bindings

    def __init__(self, lane: Lane, chip: Any, input_names: list[str], output_names: list[str]) -> None:
        self._engine: Any = _Engine(lane, chip)
        self._input_names = input_names
        self._output_names = output_names

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._engine = None

    def create_bindings(
        self,
        input_buffers: dict[str, np.ndarray] | None = None,
        output_buffers: dict[str, np.ndarray] | None = None,
    ) -> request.Bindings:
        assert self._engine.lane
        made = request.Bindings(self._input_names, self._output_names)
        for name, buffer in (input_buffers or {}).items():
            made.input(name).set_buffer(buffer)
        for name, buffer in (output_buffers or {}).items():
            made.output(name).set_buffer(buffer)
        return made

    def wait_for_async_ready(self, timeout_ms: float = 1000, frames_count: int = 1) -> None:
        with wrapped():
            self._engine.lane.wait_ready(_seconds(timeout_ms), frames_count)

    def run(self, bindings: list[request.Bindings], timeout: float) -> None:
        """Passes no callback, so nobody hears of a failed job."""
        self.run_async(bindings).wait(timeout)

    def run_async(
        self, bindings: list[request.Bindings], callback: Callable[..., None] | None = None
    ) -> AsyncInferJob:
        requests = list(bindings)

        def call(status: int) -> None:
            if callback is not None:
                error = exception_of(spoken(status)) if status else None
                callback(completion_info=AsyncInferCompletionInfo(error))

        with wrapped():
            status, job = self._engine.run_async(requests, call)
            check(status)
        return AsyncInferJob(job)

    def activate(self) -> None:
        with wrapped():
            check(self._engine.activate())

    def deactivate(self) -> None:
        self._engine.lane.activated = False

    def get_async_queue_size(self) -> int:
        return self._engine.lane.queue_size

    def shutdown(self) -> None:
        self._engine.lane.shutdown()


def _seconds(timeout_ms: float) -> float:
    return timedelta(milliseconds=timeout_ms).total_seconds()
