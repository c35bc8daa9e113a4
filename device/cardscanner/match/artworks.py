"""Which prints share a picture: labelled by the card table, or too close for any camera to tell apart.

A reprint that nobody labelled would take the margin from its twin and make the box name one of the two with
confidence. How close is too close depends on the model, so it is measured: the limit is the lower quartile of
the cosine between a reference and a very good capture of itself (:data:`captures.MILD`). Two references
closer than that differ less than one card does from itself under a camera.

On 2,958 real references (1,347 pairs labelled as the same art) the quartile joins 226 to 311 labelled pairs
and 0 to 5 others in four very different spaces: colour thumbnails 16 x 16 and 8 x 8 (limits 0.985 and 0.986),
EfficientNet-Lite0 features raw and centred (0.945 and 0.869). A fixed limit of 0.95 joins 107, 3,255, 0 and
0 others in the same four, so a number that suits one model ruins another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cardscanner.match.unit_vectors import Stored, blocks

Artworks = NDArray[np.int64]
"""(N,) number of the artwork of each card, counted from 0 in the order of their first cards."""


def join_artworks(labels: Sequence[str], stored: Stored, limit: float) -> Artworks:
    """Join cards that carry the same label (an empty one says nothing) or whose cosine is above ``limit``.

    Joining is transitive. Memory stays bounded even when a useless model finds everything alike.
    """
    groups = _labelled(labels)
    for start, block in blocks(stored):
        for behind, other in blocks(stored[start:]):
            close = block @ other.T > limit
            for row in np.flatnonzero(close.any(axis=1)):
                _join(groups, start + int(row), start + behind + np.flatnonzero(close[row]))
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _labelled(labels: Sequence[str]) -> Artworks:
    """Return for each card the first card with its label."""
    first: dict[str, int] = {}
    return np.array(
        [first.setdefault(label, card) if label else card for card, label in enumerate(labels)],
        dtype=np.int64,
    )


def _join(groups: Artworks, card: int, others: NDArray[np.int64]) -> None:
    together = np.unique(np.append(groups[others], groups[card]))
    if len(together) > 1:
        groups[np.isin(groups, together)] = together[0]
