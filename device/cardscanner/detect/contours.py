"""The classical finder behind its seam: lines, quads, refined sides, evidence, no network."""

from __future__ import annotations

from functools import reduce
from typing import Literal

import numpy as np

from cardscanner.detect.effort import LIVE, THOROUGH, Effort
from cardscanner.detect.field import Floats
from cardscanner.detect.finder import find_quads
from cardscanner.detect.judging import Judged, judge_quads
from cardscanner.detect.portrait import portrait_corners
from cardscanner.detect.pyramid import Pyramid
from cardscanner.detect.readings import other_readings
from cardscanner.records import Picture, Quad

_EFFORTS = {"live": LIVE, "thorough": THOROUGH}


def find_and_remember(picture: Picture, effort: Effort) -> tuple[Judged, Judged]:
    """Return what is found without overlaps, and every quad that was judged on the way."""
    pool: list[Judged] = []

    def remembering(pyramid: Pyramid, corners: Floats) -> Judged:
        pool.append(judge_quads(pyramid, corners))
        return pool[-1]

    return find_quads(picture, effort, remembering), reduce(Judged.with_, pool)


class ContourFinder:
    """Finds cards by their edges; see :class:`cardscanner.ports.Finder`."""

    def __init__(self, effort: Literal["live", "thorough"], min_confidence: float) -> None:
        self._effort = _EFFORTS[effort]
        self._least = min_confidence

    def find(self, picture: Picture) -> list[Quad]:
        """Return outlines, best first."""
        found, pool = find_and_remember(picture, self._effort)
        found = found.take(np.flatnonzero(found.score >= self._least))
        height, width = picture.shape[:2]
        return [
            Quad(
                portrait_corners(corners, width, height),
                float(score),
                tuple(portrait_corners(each, width, height) for each in others),
            )
            for corners, score, others in zip(
                found.corners, found.score, other_readings(found, pool), strict=True
            )
        ]
