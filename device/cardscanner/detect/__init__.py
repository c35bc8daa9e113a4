"""Finding cards: frame -> quads."""

from __future__ import annotations

from functools import reduce

import numpy as np

from cardscanner.config import FinderConfig
from cardscanner.detect.effort import LIVE, THOROUGH
from cardscanner.detect.field import Floats
from cardscanner.detect.finder import find_quads
from cardscanner.detect.judging import Judged, judge_quads
from cardscanner.detect.portrait import portrait_corners
from cardscanner.detect.pyramid import Pyramid
from cardscanner.detect.readings import other_readings
from cardscanner.records import Picture, Quad
from cardscanner.rectify import whole_picture_corners

_EFFORTS = {"live": LIVE, "thorough": THOROUGH}


def find_cards(picture: Picture, config: FinderConfig) -> list[Quad]:
    """Return the outlines of the cards in a picture, best first; an empty list when there is none.

    Corners are clockwise, a short side first; which of the two short sides is the top is not known yet.
    They may lie a little outside the picture when a card is cut off. Outlines do not overlap much; what else
    an unsure one could be comes with it as its ``others``.
    """
    match config.backend:
        case "contours":
            quads = _contour_quads(picture, config)
        case _:  # pragma: no cover
            raise AssertionError(config.backend)
    if not quads and config.whole_picture:
        height, width = picture.shape[:2]
        return [Quad(portrait_corners(whole_picture_corners(picture), width, height), config.min_confidence)]
    return quads[: config.max_cards]


def _contour_quads(picture: Picture, config: FinderConfig) -> list[Quad]:
    pool: list[Judged] = []

    def remembering(pyramid: Pyramid, corners: Floats) -> Judged:
        pool.append(judge_quads(pyramid, corners))
        return pool[-1]

    found = find_quads(picture, _EFFORTS[config.effort], remembering)
    found = found.take(np.flatnonzero(found.score >= config.min_confidence))
    height, width = picture.shape[:2]
    return [
        Quad(
            portrait_corners(corners, width, height),
            float(score),
            tuple(portrait_corners(each, width, height) for each in others),
        )
        for corners, score, others in zip(
            found.corners, found.score, other_readings(found, reduce(Judged.with_, pool)), strict=True
        )
    ]
