"""Other readings of a place: when the best outline is not sure, what else the card there could be.

A card shows frames inside frames, and half of a dark card on a dark table looks more like a card than the
whole. No outline tells; the picture inside does. So the second and third reading travel with the first, and
the embedder decides.
"""

from __future__ import annotations

import numpy as np

from cardscanner.detect.field import Floats
from cardscanner.detect.judging import Judged
from cardscanner.detect.keep import quad_areas
from cardscanner.geometry import covered, iou

_SURE = 0.8
"""Score from which an outline needs no other reading."""
_NEARLY = 0.5
"""Least score of another reading, as a share of the best one's."""
_MOST = 2
"""Other readings of one place."""
_LOOK = 30
"""Quads of one place that are compared, best first."""
_ALIKE = 0.88
"""Intersection over union from which two readings are one."""
_SAME_THING = 0.7
"""Least share of the smaller of two readings that the other one covers."""
_MAX_LOG_AREA = float(np.log(3))


def other_readings(found: Judged, pool: Judged) -> list[list[Floats]]:
    """Return for each quad found the other readings (4, 2) in the pool, best first."""
    if len(pool) == 0:
        return [[] for _ in range(len(found))]
    centres, areas = pool.corners.mean(axis=1), quad_areas(pool.corners)
    sure = found.corners[found.score >= _SURE]
    chosen: list[list[Floats]] = []
    for quad, score in zip(found.corners, found.score, strict=True):
        near = (np.abs(centres - quad.mean(axis=0)) < np.ptp(quad, axis=0)).all(axis=1)
        near &= np.abs(np.log(areas / quad_areas(quad[None]))) < _MAX_LOG_AREA
        order = np.flatnonzero(near & (pool.score >= _NEARLY * score))
        order = order[np.argsort(-pool.score[order])][:_LOOK]
        chosen.append([] if score >= _SURE else _chosen(pool.corners[order], quad, sure))
    return chosen


def _chosen(quads: Floats, quad: Floats, sure: Floats) -> list[Floats]:
    """Choose quads that show the same thing differently, and no other thing that is sure."""
    chosen: list[Floats] = []
    for corners in quads:
        if (
            covered(corners, quad) >= _SAME_THING
            and all(iou(corners, each) < _ALIKE for each in (quad, *chosen))
            and all(covered(corners, each) < 1 - _SAME_THING for each in sure)
        ):
            chosen.append(corners)
        if len(chosen) == _MOST:
            break
    return chosen
