"""What travels between the rooms: frames, quads, crops, sightings, scan events.

Conventions that hold everywhere:

* pictures are RGB, uint8, (H, W, 3);
* a point is (x, y) in pixels with (0, 0) in the *centre* of the top-left pixel, as in OpenCV;
* times that are compared are monotonic nanoseconds; wall-clock time is only ever shown;
* a distance is the cosine distance 1 - cos.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB uint8."""

Batch = NDArray[np.uint8]
"""(B, H, W, 3) RGB uint8."""

Vectors = NDArray[np.float32]
"""(B, D) float32, rows of unit length."""

Corners = NDArray[np.float32]
"""(4, 2) float32 pixels, clockwise from the top left of the upright card."""

Decision = Literal["match", "ambiguous", "no_match"]
Certainty = Literal["exact", "artwork", "none"]
"""How much of the answer holds: the very print, the picture on it, nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from a camera."""

    pixels: Picture
    seq: int
    """Counts up by one per frame the source produced; a gap is a frame lost on the way."""
    captured_ns: int
    """``time.monotonic_ns()`` at capture."""
    camera: str


@dataclass(frozen=True, slots=True, eq=False)
class Quad:
    """The outline of one card-like thing in a picture."""

    corners: Corners
    confidence: float
    """0 to 1, comparable within one finder."""
    others: tuple[Corners, ...] = ()
    """Other readings of the same place, best first, when the outline does not tell; the embedder does."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbour:
    """One reference close to a query."""

    row: int
    cosine: float


@dataclass(frozen=True, slots=True)
class Card:
    """One print, as the database describes it."""

    card_id: str
    name: str
    artwork: int
    """Prints with the same number share their picture."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Further columns of the card table: set, number, lang, rarity, ..."""


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One card-like thing in one frame, embedded both ways up, the better one kept."""

    quad: Quad
    """Corners of the *upright* card: already turned when the card lay upside down."""
    upside_down: bool
    vector: NDArray[np.float32]
    """(D,) unit vector of the upright crop."""
    neighbours: tuple[Neighbour, ...]
    """Best first."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a second look at one candidate says: the camera's picture against its stored picture."""

    score: float
    """0 to 1: how far they agree where this card differs from those that look like it."""
    share: float
    """0 to 1: of what could be compared, how much was; the rest was glare or agreed with nothing."""
    lead: float | None = None
    """By how much it agrees better than every other print of its artwork that was looked at, where they
    differ; negative when another agrees better, ``None`` when there is no other or it agrees with none."""
    number: str | None = None
    """The collector number read from the card; ``None``: it was not needed, or could not be read."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One print that the answer may be."""

    card: Card
    score: float
    """Cosine similarity to the query."""
    row: int | None = None
    """Index row of the reference that it was found by."""
    check: Check | None = None
    """``None``: it was not looked at again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the accept rule says about one query."""

    decision: Decision
    score: float
    """Cosine similarity of the best reference."""
    margin: float
    """Best cosine less the mean of the artworks that follow: what vectors alone are accepted by."""
    candidates: tuple[Candidate, ...]
    """Best first; for ``ambiguous`` the prints that cannot be told apart come first."""

    @property
    def match(self) -> Certainty:
        """What of the first candidate is certain."""
        return _CERTAIN[self.decision]

    @property
    def check(self) -> Check | None:
        """The second look at the first candidate, if there was one."""
        return self.candidates[0].check if self.candidates else None

    @property
    def card(self) -> Card | None:
        """The card, only when the decision is ``match``."""
        return self.candidates[0].card if self.decision == "match" else None


_CERTAIN: Mapping[Decision, Certainty] = {"match": "exact", "ambiguous": "artwork", "no_match": "none"}


@dataclass(frozen=True, slots=True, eq=False)
class ScanEvent:
    """One presented card, decided."""

    verdict: Verdict
    camera: str
    first_ns: int
    """Capture time (monotonic) of the first frame of the presentation."""
    decided_ns: int
    frames: int
    """Number of frames whose evidence was pooled."""
    corners: Corners
    """Where the card lay in the frame that decided."""
    upside_down: bool
    latency_ms: Mapping[str, float]
    """Stage times of the deciding frame, in milliseconds."""
    repeat_of: str | None = None
    in_view: bool = True
    """Whether the deciding frame shows the card; not when it was decided by its going."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """One card-like thing as it is followed just now."""

    corners: Corners
    verdict: Verdict | None
    """What is believed so far; ``None``: nothing yet."""
    reported: bool
    """Whether its event was sent."""
