"""Unit vectors as int8: a quarter of the bytes of float32, which is what a scan of all rows waits for.

One clip for all components: those of a 768-d unit vector are about 0.036 long, so a scale of 127 for the
range of -1 to 1 would leave them five levels. What rounding loses, the re-ranking in float puts right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.match.unit_vectors import Stored
from cardscanner.records import Vectors

Codes = NDArray[np.int8]

_LEVELS = 127
_SAMPLE_ROWS = 2048
_KEPT = 0.9999


@dataclass(frozen=True, slots=True)
class Quantiser:
    """Components of magnitude ``clip`` and more become 127."""

    clip: float

    @property
    def slack(self) -> float:
        """Six standard deviations of what rounding (not clipping, which is rare) adds to a product of codes.

        Each code is off by up to half a level, evenly: a variance of 1/12 for each component, weighted by the
        square of the other vector, whose length is 127 / clip.
        """
        return 6 * float(np.sqrt(2 / 12)) * _LEVELS / self.clip

    def codes(self, vectors: Vectors) -> Codes:
        """Return the nearest of 255 levels for each component."""
        scaled = np.rint(vectors * np.float32(_LEVELS / self.clip))
        return np.asarray(np.clip(scaled, -_LEVELS, _LEVELS, out=scaled), dtype=np.int8)


def fit_quantiser(stored: Stored) -> Quantiser:
    """Clip one component in ten thousand of a sample; the same vectors give the same clip."""
    step = -(-len(stored) // _SAMPLE_ROWS)
    sample = np.abs(np.asarray(stored[::step], dtype=np.float32))
    return Quantiser(float(np.quantile(sample, _KEPT)))
