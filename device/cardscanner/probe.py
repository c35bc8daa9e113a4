"""Probe: somebody asks the scan thread what it makes of the camera's newest frame, between two frames.

Embedder and index belong to the scan thread; this is how another thread gets an answer from them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from cardscanner.decide import one_per_object
from cardscanner.errors import CardscannerError, CommandRefused, EmbedderError, IndexAway
from cardscanner.pipeline import Stopwatch
from cardscanner.ports import ModelInfo
from cardscanner.records import Frame, Outline, Picture, Sighting, Verdict
from cardscanner.rectify import rectify
from cardscanner.rooms import Rooms


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One card-like thing in the frame."""

    crop: Picture
    """As the network saw it, upright."""
    sighting: Sighting
    verdict: Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What was made of one frame."""

    frame: Frame
    findings: tuple[Finding, ...]
    followed: tuple[Outline, ...]
    """What was believed of the cards over several frames."""
    network: ModelInfo


Answering = Callable[[], Look]


class _Question:
    def __init__(self) -> None:
        self.answered = threading.Event()
        self.look: Look | None = None
        self.error: CardscannerError | None = None


class Probe:
    """A mailbox for questions; any thread asks, the scan thread answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Question] = []

    def ask(self, timeout_s: float) -> Look:
        """Return what the scan thread makes of the newest frame.

        Raises
        ------
        CommandRefused
            It did not answer in time, or there is no frame: ``not_available``; the message says what to do.
        EmbedderError, IndexAway
            It tried, and accelerator or index failed.
        """
        question = _Question()
        with self._lock:
            self._waiting.append(question)
        if not question.answered.wait(timeout_s):
            with self._lock:
                if question in self._waiting:
                    self._waiting.remove(question)
            raise CommandRefused(
                "not_available",
                f"scanning did not answer within {timeout_s:g} s: it is starting, or its accelerator hangs; "
                "see the state of the accelerator",
            )
        if question.error is not None:
            raise question.error
        assert question.look is not None  # noqa: S101 - an answer is one or the other
        return question.look

    def answer(self, looking: Answering) -> None:
        """Answer everybody who waits, with one look; costs nothing when nobody does."""
        if not self._waiting:
            return
        with self._lock:
            asked, self._waiting = self._waiting, []
        look: Look | None = None
        error: CardscannerError | None = None
        try:
            look = looking()
        except (EmbedderError, IndexAway, CommandRefused) as failed:
            error = failed
        for question in asked:
            question.look, question.error = look, error
            question.answered.set()


def look_at(frame: Frame | None, rooms: Rooms, top: int, followed: tuple[Outline, ...]) -> Look:
    """Look at a frame on its own, as ``cardscanner scan --live`` does with a picture of it."""
    if frame is None:
        raise CommandRefused("not_available", "no frame has come from the camera yet: see state.camera")
    picture, info = frame.pixels, rooms.embedder.info
    seen = one_per_object(rooms.eye.sight(picture, rooms.eye.find(picture), Stopwatch()))
    findings = tuple(
        Finding(
            rectify(picture, each.quad.corners, info.height, info.width),
            each,
            rooms.judged(picture, each, top),
        )
        for each in seen
    )
    return Look(frame, findings, followed, info)
