"""Refining quads and judging them by everything that can be seen around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.evidence import OFFSETS, evidence
from cardscanner.detect.field import Floats
from cardscanner.detect.keep import convex
from cardscanner.detect.pyramid import Pyramid
from cardscanner.detect.refine import refine_quads
from cardscanner.detect.score import CARD

_BATCH = 400
"""Quads judged at once: OpenCV resamples at most 32767 rows."""
_MARGIN = 0.25
"""Corners may lie this far outside the picture, in its longer sides."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """N refined quads."""

    corners: Floats
    """(N, 4, 2) picture pixels, clockwise."""
    score: Floats
    """(N,) 0 to 1."""
    profile: Floats
    """(N, 4, O) edges parallel to each side, see :func:`evidence`."""

    def __len__(self) -> int:
        return len(self.corners)

    def take(self, index: NDArray[np.int64]) -> Judged:
        """Return a choice of the quads."""
        return Judged(self.corners[index], self.score[index], self.profile[index])

    def with_(self, other: Judged) -> Judged:
        """Return these quads followed by the others."""
        return Judged(
            np.concatenate([self.corners, other.corners]),
            np.concatenate([self.score, other.score]),
            np.concatenate([self.profile, other.profile]),
        )


Judge = Callable[[Pyramid, Floats], Judged]
"""Refines and scores quads (N, 4, 2); may return fewer."""


def judge_quads(pyramid: Pyramid, corners: Floats) -> Judged:
    """Refine and score quads; those that are no outline of anything, before or after, are dropped."""
    return refined_and_judged(pyramid, corners, partial(_judge, pyramid))


def _judge(pyramid: Pyramid, refined: Floats) -> Judged:
    features, profile = evidence(pyramid, refined)
    return Judged(refined, CARD(features), profile)


def refined_and_judged(pyramid: Pyramid, corners: Floats, judge: Callable[[Floats], Judged]) -> Judged:
    """Refine quads, in batches, and let ``judge`` score those that are still outlines of something."""
    judged = Judged(
        np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32), np.zeros((0, 4, len(OFFSETS)), np.float32)
    )
    for first in range(0, len(corners), _BATCH):
        refined = sound_quads(pyramid, corners[first : first + _BATCH])
        if len(refined):
            judged = judged.with_(judge(refined))
    return judged


def sound_quads(pyramid: Pyramid, corners: Floats) -> Floats:
    """Return the refined quads that are convex, clockwise and in or near the picture."""
    refined = refine_quads(pyramid, corners[convex(corners)])
    height, width = pyramid.picture.shape[:2]
    margin = _MARGIN * max(height, width)
    near = (refined > -margin) & (refined < np.array([width + margin, height + margin], dtype=np.float32))
    return np.asarray(refined[convex(refined) & near.all(axis=(1, 2))])
