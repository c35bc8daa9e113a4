"""Cosines of pairs: one card under two conditions, random cards, and the nearest other artwork."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardscanner.records import Vectors
from cardscanner_tools.evaluate.conditions import CLEAN_VIEW, GLARE, OCCLUDED, USUAL_VIEW
from cardscanner_tools.evaluate.figures import quantile, share
from cardscanner_tools.evaluate.ranking import Labels, similarities

_TWO_CONDITIONS = ((CLEAN_VIEW, USUAL_VIEW), (CLEAN_VIEW, OCCLUDED), (USUAL_VIEW, GLARE))
_OTHERS = 200
"""Random references that each query is compared with."""


def pair_figures(
    views: Mapping[str, Vectors], gallery: Vectors, artworks: Labels, pick: NDArray[np.int64], seed: int
) -> dict[str, Any]:
    """Return the criterion "same card > 0.8, different cards < 0.5" in numbers; reprints are left out."""
    document: dict[str, Any] = {}
    for one, other in _TWO_CONDITIONS:
        same = similarities(views[one.name], views[other.name])
        document[f"same card, {one.name} and {other.name}"] = {
            "p5": quantile(same, 0.05),
            "median": quantile(same, 0.5),
            "above_0.8": share(same > 0.8),
        }
    random = _random_pairs(views[USUAL_VIEW.name], gallery, artworks, artworks[pick], seed)
    document["random pairs"] = {
        "p99.9": quantile(random, 0.999),
        "largest": float(random.max()),
        "below_0.5": share(random < 0.5),
    }
    return document


def _random_pairs(
    queries: Vectors, gallery: Vectors, artworks: Labels, own: Labels, seed: int
) -> NDArray[np.float32]:
    """Return cosines of each query with random references of other artworks."""
    rng = np.random.default_rng([seed, 2])
    rows = rng.integers(0, len(gallery), (len(queries), _OTHERS))
    cosines = np.einsum("bd,bkd->bk", queries, gallery[rows])
    return np.asarray(cosines[artworks[rows] != own[:, None]])
