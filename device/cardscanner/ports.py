"""The five seams. Everything behind them can be swapped by one line of configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import NpuTrouble
from cardscanner.records import Batch, Candidate, Corners, Frame, Picture, Quad, Vectors

SecondLook = Callable[[Picture, Corners, Sequence[Candidate]], tuple[Candidate, ...]]
"""Compares candidates, best first, with the picture inside an upright outline."""


class Source(Protocol):
    """Where frames come from. Owned by one thread."""

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame.

        Raises
        ------
        CameraLost
            No new frame within ``timeout_s``, or the camera is gone: close, wait, open again.
        EndOfReplay
            A recording is over.
        """

    def close(self) -> None:
        """Release the camera; safe to call twice, never blocks for more than a few seconds."""


class Finder(Protocol):
    """Where the cards are in a picture. Owned by one thread."""

    def find(self, picture: Picture) -> list[Quad]:
        """Return the outlines of cards, best first; an empty list when there is none.

        Corners are clockwise, a short side first; which of the two short sides is the top is not known yet.
        They may lie a little outside the picture when a card is cut off. Outlines do not overlap much; what
        else an unsure one could be comes with it as its ``others``.

        Raises
        ------
        FinderFailed
            Nothing is known about this picture.
        """


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What an embedder needs and gives."""

    name: str
    sha256: str
    space: str
    """Id of the embedding space; the database carries the same one."""
    height: int
    width: int
    dim: int


class Embedder(Protocol):
    """Pictures in, unit vectors out. Owned by one thread."""

    info: ModelInfo

    def embed(self, crops: Batch) -> Vectors:
        """Embed (B, H, W, 3) uint8 RGB crops into (B, D) float32 unit vectors; B may be 0.

        Raises
        ------
        ValueError
            Wrong shape or type: a mistake of the caller, the backend was not touched.
        EmbedderTimeout, EmbedderFailed
            Nothing is known about these crops; the backend can be used again.
        EmbedderDead
            Recovery did not help.
        """

    def telemetry(self) -> Mapping[str, float | str | bool]:
        """Chip temperature, throttling, versions: whatever the backend can tell; may be empty."""

    def close(self) -> None:
        """Release the accelerator; safe to call twice."""


@dataclass(frozen=True, slots=True)
class EmbedderHealth:
    """Whether an embedder can be used just now."""

    condition: Literal["starting", "ok"] | NpuTrouble
    words: str = ""
    """What is wrong and what to do; empty while all is well."""
    restarts: int = 0
    """How often its process was started again."""


class LastingEmbedder(Embedder, Protocol):
    """An embedder for a daemon: what goes wrong with its accelerator is a state that ends by itself.

    While the accelerator is away, ``embed`` raises EmbedderAway.
    """

    def attend(self) -> EmbedderHealth:
        """Look after the accelerator, a step at a time and without waiting for it; call it often.

        Raises
        ------
        ArtifactError
            The network is for another accelerator.
        """


class Index(Protocol):
    """Nearest neighbours by cosine. Owned by one thread."""

    size: int
    dim: int

    def nearest(
        self, vectors: Vectors, k: int, effort: float = 1.0
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return rows and cosines, each (B, min(k, size)), best first.

        ``effort`` is the share of the calibrated work that an approximate index spends; with less than 1 it
        misses more of the hard neighbours.

        Raises
        ------
        ValueError
            A vector is not finite, not of unit length, or of the wrong dimension.
        IndexAway
            The server that searches did not answer: nothing is known about these vectors.
        """

    def close(self) -> None:
        """Unmap files, leave the server; safe to call twice."""


class Publisher(Protocol):
    """Carries outbox rows to the outside world. Owned by the publish thread."""

    def step(self, wait_s: float) -> None:
        """Do a bounded piece of work: send what is due, take acknowledgements, wait at most ``wait_s``.

        Losing the broker is a state with recovery and raises nothing.
        """

    def close(self, drain_s: float) -> None:
        """Deliver what can be delivered within ``drain_s``, say goodbye, disconnect."""
