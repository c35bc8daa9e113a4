"""One presented card over time: what was seen of it, pooled."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cardscanner.geometry import iou
from cardscanner.records import Corners, Decision, Sighting, Verdict

SAME_PLACE_IOU = 0.3

_ONE_PLACE_IOU = 0.9
_LONGEST_STEP_S = 0.25
_NO_DIRECTION = 1e-6
"""Views that cancel out have no mean; the newest one counts then."""
_PILE = 16
"""Cards under a card that are remembered."""
_OUTLINES = 9
_SAME_POSE = 0.03
"""A covered card that comes to light lies where it lay: corners within this share of its size."""
_STILL = 0.01
"""The outline of a card that lies still moves by less than this share of its size between two views."""


@dataclass(frozen=True, slots=True, eq=False)
class Covered:
    """A reported card under another one."""

    verdict: Verdict
    corners: Corners
    first_ns: int

    def lies_at(self, corners: Corners) -> bool:
        """Whether an outline is this card's, to the accuracy of the finder.

        Nobody lays a card down so exactly. The outlines may begin at opposite corners.
        """
        allowed = _SAME_POSE * float(np.ptp(self.corners, axis=0).max())
        ways = (corners, np.roll(corners, 2, axis=0))
        return any(float(np.abs(way - self.corners).max()) <= allowed for way in ways)


@dataclass(slots=True, eq=False)
class Track:
    """A card-like thing that is followed from frame to frame.

    Its evidence is the mean of the last embedded views. For unit vectors the cosine of the mean to any
    reference is the mean of the single cosines (up to one factor), so searching once with the pooled vector
    pools the scores of *all* cards in the database, not only of those on some short list.
    """

    sighting: Sighting
    """The newest one."""
    place: Corners
    """Where its picture was last recognised: a piece of it that is found under a hand does not move it."""
    first_ns: int
    last_ns: int
    vectors: deque[NDArray[np.float32]]
    outlines: deque[Corners]
    """The last ones in which it was recognised."""
    frames: int = 1
    absent_s: float = 0.0
    verdict: Verdict | None = None
    """The newest verdict over the pooled evidence."""
    looked_at: int | None = None
    """How many frames it had when its candidates were last looked at again."""
    reported: Verdict | None = None
    """What was sent; at most one event for each track."""
    contradictions: list[Sighting] = field(default_factory=list)
    """Sightings in a row that are confidently another card."""
    beneath: tuple[Covered, ...] = ()
    """Reported cards that this one was laid on, the topmost first."""

    @classmethod
    def begin(cls, sighting: Sighting, now_ns: int, window: int) -> Track:
        """Start from the first sighting."""
        corners = sighting.quad.corners
        vectors = deque([sighting.vector], maxlen=window)
        return cls(sighting, corners, now_ns, now_ns, vectors, deque([corners], maxlen=_OUTLINES))

    def add(self, sighting: Sighting, now_ns: int, *, recognised: bool = True) -> None:
        """Take in one more view of the card."""
        self.sighting = sighting
        if recognised:
            self.place = sighting.quad.corners
            self.outlines.append(self.place)
        self.vectors.append(sighting.vector)
        self.frames += 1
        self.last_ns = now_ns
        self.absent_s = 0.0

    @property
    def places(self) -> list[Corners]:
        """Where to look for it: where it was last recognised and, if elsewhere, where it was last found."""
        newest = self.sighting.quad.corners
        return [self.place] if iou(self.place, newest) > _ONE_PLACE_IOU else [self.place, newest]

    @property
    def lies_still(self) -> bool:
        """Whether the last two outlines agree."""
        if len(self.outlines) < 2:
            return False
        last, before = self.outlines[-1], self.outlines[-2]
        return float(np.abs(last - before).max()) <= _STILL * float(np.ptp(last, axis=0).max())

    def contradicted_by(self, sighting: Sighting, verdict: Verdict) -> bool:
        """Whether this card was reported and the sighting is confidently another card."""
        if self.reported is None or verdict.decision == "no_match":
            return False
        known = artwork(self.reported)
        if known is not None:
            return artwork(verdict) != known
        # Reported as unknown: views of one card resemble each other more than they resemble a reference.
        return float(sighting.vector @ self.pooled()) < verdict.score

    def lay_on(self, below: Track) -> None:
        """Remember the reported card, and those under it, that this one was laid on.

        Its outline is the median of the last ones: the very last show it half covered already.
        """
        if below.reported is not None:
            covered = Covered(below.reported, np.median(below.outlines, axis=0), below.first_ns)
            self.beneath = (covered, *below.beneath, *self.beneath)[:_PILE]

    def still_there(self, now_ns: int) -> None:
        """The card was recognised in its place, though no outline was found."""
        self.last_ns = now_ns
        self.absent_s = 0.0

    def miss(self, step_s: float) -> None:
        """Nothing of the card was seen for one frame.

        A long pause between frames (a lost camera) says nothing about the card, so it counts as a short one.
        """
        self.absent_s += min(step_s, _LONGEST_STEP_S)

    def pooled(self) -> NDArray[np.float32]:
        """Unit vector (D,): the normalised mean of the window."""
        mean = np.mean(np.stack(self.vectors), axis=0)
        length = float(np.linalg.norm(mean))
        if length < _NO_DIRECTION:
            return self.sighting.vector
        return np.asarray(mean / length, dtype=np.float32)


def by_place(sighting: Sighting, tracks: Sequence[Track]) -> Track | None:
    """Return the track whose last outline overlaps most with the sighting's, if it overlaps enough."""
    scored = [(iou(sighting.quad.corners, each.sighting.quad.corners), each) for each in tracks]
    best = max(scored, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None and best[0] >= SAME_PLACE_IOU else None


def by_checked_place(check: Sighting, tracks: Sequence[Track]) -> Track | None:
    """Return the track that a view of one of its places belongs to."""
    scored = [(iou(check.quad.corners, place), each) for each in tracks for place in each.places]
    best = max(scored, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None and best[0] >= SAME_PLACE_IOU else None


def artwork(verdict: Verdict | None) -> int | None:
    """Return the artwork that was decided, for a match and for prints that cannot be told apart."""
    decided: tuple[Decision, ...] = ("match", "ambiguous")
    return verdict.candidates[0].card.artwork if verdict is not None and verdict.decision in decided else None
