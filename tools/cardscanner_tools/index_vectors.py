"""Synthetic reference vectors for index benches, made piece by piece: a million of them need no memory.

``clustered``  1,000 cluster centres in a 128-d subspace, isotropic noise. Flatters whatever groups vectors:
               the groups are there to be found.
``spread``     one Gaussian cloud with the mean and the spectrum that the shipped network's vectors of 2,958
               real cards have (cosine of two cards 0.14 +- 0.12; half the variance in 30 dimensions, 90 % in
               135). No groups: flatters nothing but the scan of all rows.

In both, 3 % are near duplicates of others, as reprints are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardscanner.records import Vectors

_PIECE = 25_000
_CENTRES = 1000
_MEAN_LENGTH = 0.38
_DECAY = 90

Draw = Callable[[int, np.random.Generator], NDArray[np.float64]]


def clustered_vectors(rows: int, dim: int, seed: int) -> Vectors:
    """Return unit vectors that crowd around 1,000 centres, 3 % of them near copies of others."""
    return np.concatenate(list(pieces("clustered", rows, dim, seed)))


def pieces(shape: str, rows: int, dim: int, seed: int) -> Iterator[Vectors]:
    """Yield unit vectors, some 25,000 at a time."""
    draw = {"clustered": _clusters, "spread": _cloud}[shape](dim, np.random.default_rng(seed))
    for number, start in enumerate(range(0, rows, _PIECE)):
        rng = np.random.default_rng([seed, number])
        count = min(_PIECE, rows - start)
        vectors = _unit(draw(count, rng))
        copies = rng.choice(count, count * 3 // 100, replace=False)
        noise = rng.standard_normal((len(copies), dim)) * 0.25 / np.sqrt(dim)
        vectors[copies] = vectors[rng.integers(0, count, len(copies))] + noise
        yield np.asarray(_unit(vectors), dtype=np.float32)


def write_vectors(path: Path, shape: str, rows: int, dim: int, seed: int) -> None:
    """Write vectors as one float16 ``.npy`` file."""
    with path.open("wb") as file:
        header = {"descr": "<f2", "fortran_order": False, "shape": (rows, dim)}
        np.lib.format.write_array_header_1_0(file, header)
        for piece in pieces(shape, rows, dim, seed):
            file.write(piece.astype("<f2").tobytes())


def _clusters(dim: int, rng: np.random.Generator) -> Draw:
    signal = min(128, dim)
    across = np.linalg.qr(rng.standard_normal((dim, signal)))[0].T
    centres = _unit(rng.standard_normal((_CENTRES, signal))) @ across

    def draw(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        noise = rng.standard_normal((count, dim)) * 0.9 / np.sqrt(dim)
        return np.asarray(centres[rng.integers(0, _CENTRES, count)] + noise)

    return draw


def _cloud(dim: int, rng: np.random.Generator) -> Draw:
    rank = np.arange(1, dim + 1)
    variance = rank**-0.5 * np.exp(-rank / _DECAY)
    spread = np.sqrt(variance / variance.sum() * (1 - _MEAN_LENGTH**2))
    mean = _unit(rng.standard_normal((1, dim))) * _MEAN_LENGTH

    def draw(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        return np.asarray(mean + rng.standard_normal((count, dim)) * spread)

    return draw


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
