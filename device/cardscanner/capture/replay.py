"""A recording played as a camera: at its own speed, or as fast as it is read."""

from __future__ import annotations

import time
from collections.abc import Callable

from cardscanner.capture.pace import Clock, Pace
from cardscanner.capture.recording import Recording, open_recording
from cardscanner.config import ReplayConfig
from cardscanner.errors import CameraLost, EndOfReplay, InputError
from cardscanner.records import Frame, Picture

Sleep = Callable[[float], object]
"""Waits for so many seconds."""


def open_replay(config: ReplayConfig, clock: Clock = time.monotonic_ns, sleep: Sleep = time.sleep) -> Replay:
    """Open the recording that the configuration names.

    Raises
    ------
    InputError
        It is missing, is empty, cannot be read, or does not state its speed although it is needed.
    """
    recording = open_recording(config.path)
    fps = config.fps or recording.fps
    if config.paced and fps is None:
        recording.close()
        raise InputError(f"{config.path}: the video does not state its speed; put it into camera.fps")
    pace = Pace(fps, clock) if config.paced and fps is not None else None
    return Replay(config, recording, pace, clock, sleep)


class Replay:
    """A :class:`cardscanner.ports.Source` over a recording.

    Paced, a late reader gets the frame that is due now and finds the missed ones as a gap in ``seq``; the
    capture time is the moment the frame was due. Unpaced, every frame comes, and ``seq`` has no gaps.
    """

    def __init__(
        self, config: ReplayConfig, recording: Recording, pace: Pace | None, clock: Clock, sleep: Sleep
    ) -> None:
        self._config = config
        self._recording = recording
        self._pace = pace
        self._clock = clock
        self._sleep = sleep
        self._next_seq = 0
        self._position = 0
        self._length: int | None = (
            None  # known once the end was reached: what containers claim is often wrong
        )
        self._closed = False

    def read(self, timeout_s: float) -> Frame:
        """Return the frame that is due; see :class:`cardscanner.ports.Source`."""
        if self._closed:
            raise CameraLost(f"the replay of {self._config.path} is closed; open it again")
        seq, captured_ns = self._due(timeout_s)
        self._skip(seq - self._next_seq)
        pixels = self._next_picture()
        self._next_seq = seq + 1
        return Frame(pixels, seq, captured_ns, self._config.name)

    def close(self) -> None:
        """Release the file; safe to call twice."""
        self._closed = True
        self._recording.close()

    def _due(self, timeout_s: float) -> tuple[int, int]:
        if self._pace is None:
            return self._next_seq, self._clock()
        deadline_ns = self._clock() + round(timeout_s * 1e9)
        while wait_ns := self._pace.wait_ns():
            left_ns = deadline_ns - self._clock()
            if left_ns <= 0:
                raise CameraLost(
                    f"{self._config.path}: no frame is due within {timeout_s:g} s; "
                    "camera.timeout_s must be longer than one frame at camera.fps"
                )
            self._sleep(min(wait_ns, left_ns) / 1e9)
        seq = self._pace.take()
        return seq, self._pace.due_ns(seq)

    def _skip(self, frames: int) -> None:
        while frames > 0:
            skipped = self._recording.skip(frames)
            self._position += skipped
            frames -= skipped
            if frames > 0:
                frames %= self._wrap()

    def _next_picture(self) -> Picture:
        pixels = self._recording.next()
        if pixels is None:
            self._wrap()
            pixels = self._recording.next()
        if pixels is None:
            raise InputError(
                f"{self._config.path}: cannot be read again from its beginning; was it replaced?"
            )
        self._position += 1
        return pixels

    def _wrap(self) -> int:
        """Go back to the beginning and return how many pictures the recording has."""
        if not self._config.loop:
            raise EndOfReplay(f"{self._config.path}: played to its end, {self._position} pictures")
        if self._length is None:
            self._length = self._position
        self._recording.rewind()
        self._position = 0
        return self._length
