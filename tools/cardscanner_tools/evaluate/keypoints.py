"""Local features as a baseline: SIFT or ORB, nearest descriptors vote, RANSAC decides.

Lowe 2004 (SIFT), Rublee and others 2011 (ORB), both by OpenCV. Slow, so suites ask a limited number of
queries and say how many.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from tqdm import tqdm

from cardscanner.records import Picture

Method = Literal["SIFT", "ORB"]
METHODS: tuple[Method, ...] = ("SIFT", "ORB")

_FEATURES = 250
_CANDIDATES = 10
_RATIO = 0.8
_REPROJECTION_PX = 5.0
_LEAST_MATCHES = 4
_KDTREE: dict[str, bool | int | float | str] = {"algorithm": 1, "trees": 4}
_CHECKS: dict[str, bool | int | float | str] = {"checks": 48}


@dataclass(frozen=True, slots=True, eq=False)
class _Features:
    points: np.ndarray[Any, np.dtype[np.float32]]
    descriptors: Any
    """(N, D) or ``None`` when there is nothing to see."""


class KeypointGallery:
    """References as local features."""

    def __init__(self, method: Method, references: Iterable[Picture], count: int) -> None:
        self._method = method
        self._detector: Any = getattr(cv2, f"{method}_create")(nfeatures=_FEATURES)
        self._norm = cv2.NORM_L2 if method == "SIFT" else cv2.NORM_HAMMING
        self._references = [
            self._features(each) for each in tqdm(references, desc=f"{method} of references", total=count)
        ]
        self._rows = [row for row, each in enumerate(self._references) if each.descriptors is not None]
        cv2.setRNGSeed(1)
        self._matcher: Any = (
            cv2.FlannBasedMatcher(_KDTREE, _CHECKS) if method == "SIFT" else cv2.BFMatcher(self._norm)
        )
        self._matcher.add([self._references[row].descriptors for row in self._rows])
        self._matcher.train()

    def answers(self, crop: Picture, count: int = 5) -> list[tuple[int, int]]:
        """Return the rows with most inliers and their number, best first."""
        query = self._features(crop)
        if query.descriptors is None:
            return []
        votes: dict[int, int] = {}
        for match in self._matcher.match(query.descriptors):
            row = self._rows[match.imgIdx]
            votes[row] = votes.get(row, 0) + 1
        candidates = sorted(votes, key=lambda row: -votes[row])[:_CANDIDATES]
        found = [(row, self._inliers(query, self._references[row])) for row in candidates]
        return sorted(found, key=lambda each: -each[1])[:count]

    def _features(self, crop: Picture) -> _Features:
        points, descriptors = self._detector.detectAndCompute(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), None)
        return _Features(np.array([each.pt for each in points], np.float32).reshape(-1, 2), descriptors)

    def _inliers(self, query: _Features, reference: _Features) -> int:
        if len(reference.points) < 2:
            return 0
        pairs = cv2.BFMatcher(self._norm).knnMatch(query.descriptors, reference.descriptors, k=2)
        good = [a for a, b in pairs if a.distance < _RATIO * b.distance]
        if len(good) < _LEAST_MATCHES:
            return 0
        ours = query.points[[each.queryIdx for each in good]]
        theirs = reference.points[[each.trainIdx for each in good]]
        cv2.setRNGSeed(1)
        _, mask = cv2.findHomography(ours, theirs, cv2.RANSAC, _REPROJECTION_PX)
        return 0 if mask is None else int(mask.sum())


def hits(
    gallery: KeypointGallery, crops: Iterable[Picture], right: Sequence[set[int]], what: str
) -> tuple[list[bool], list[int]]:
    """Return for each crop whether the best answer is right, and its inliers."""
    good, inliers = [], []
    for crop, rows in zip(tqdm(crops, desc=what, total=len(right), mininterval=2), right, strict=True):
        answers = gallery.answers(crop, 1)
        good.append(bool(answers) and answers[0][1] > 0 and answers[0][0] in rows)
        inliers.append(answers[0][1] if answers else 0)
    return good, inliers
