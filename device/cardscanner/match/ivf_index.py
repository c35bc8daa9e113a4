"""Inverted lists by faiss, for catalogues too large to scan: rows as 8-bit codes, grouped by k-means.

A query looks into the lists whose centres are nearest to it; how many is measured when the database is built.
The best of what lies in them are compared again in float. The file is mapped, and faiss trusts what it maps:
that happens only after its hash agreed with the manifest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import ArtifactError, ConfigError, IndexFault
from cardscanner.manifest import DatabaseManifest
from cardscanner.match.exact import Answer
from cardscanner.match.rerank import rerank
from cardscanner.match.unit_vectors import Stored, blocks, checked_units, let_go, units_at
from cardscanner.records import Vectors

try:
    import faiss
except ModuleNotFoundError as missing:
    raise ConfigError(
        "searching lists (index.backend: ivf) needs the package faiss: pip install 'cardscanner[large]'"
    ) from missing

LISTS_FILE = "index.ivf"

_SPARE = 32
"""Rows beyond k that are compared again: rounding moves a cosine by some 5e-4."""

_QUERIES_KEPT = 16
"""Queries whose re-ranked rows may stay mapped: the kernel maps 64 KB and more around each of some 40."""

_TRAINED_BY = 40
"""Rows for each list that k-means sees; faiss asks for 39 at least."""

_ROUNDS = 6
"""Of k-means. What they leave undone costs probes, whose number is measured afterwards."""


class IvfIndex:
    """Searches mapped lists; looks into ``probes`` of them for each query."""

    def __init__(self, lists: Any, stored: Stored, probes: int) -> None:
        self.size, self.dim = stored.shape
        self.probes = probes
        self._lists = lists
        self._stored = stored
        self._answered = 0

    def nearest(self, vectors: Vectors, k: int, effort: float = 1.0) -> Answer:
        """Return rows and cosines, (B, min(k, size)), best first."""
        if k < 1:
            raise ValueError(f"k is {k}; at least one neighbour must be asked for")
        queries = checked_units(vectors, self.dim)
        wanted = min(k, self.size)
        rows = np.empty((len(queries), wanted), dtype=np.int64)
        cosines = np.empty((len(queries), wanted), dtype=np.float32)
        for number, query in enumerate(queries):
            few = self._candidates(query, wanted, max(1, round(self.probes * effort)))
            rows[number], cosines[number] = rerank(self._stored, query, few, wanted)
            self._answered += 1
            if self._answered % _QUERIES_KEPT == 0:
                let_go(self._stored)
        return rows, cosines

    def searching(self, work: int) -> IvfIndex:
        """Return an index over the same mapped file with another number of probes."""
        return IvfIndex(self._lists, self._stored, work)

    def close(self) -> None:
        """Unmap the file; safe to call twice. Searching afterwards is an :class:`IndexFault`."""
        self._lists = None

    def _candidates(self, query: Vectors, wanted: int, probes: int) -> NDArray[np.int64]:
        """Return at least ``wanted`` rows; when the nearest lists hold fewer, all lists are looked into."""
        if self._lists is None:
            raise IndexFault("the index is closed: open the database again")
        for several in (probes, self._lists.nlist):
            limit = faiss.SearchParametersIVF(nprobe=several)
            _, found = self._lists.search(query[None], min(wanted + _SPARE, self.size), params=limit)
            few: NDArray[np.int64] = np.sort(found[0][found[0] >= 0])
            if len(few) >= wanted:
                return few
        raise IndexFault(f"the index gave {len(few)} of {wanted} neighbours: build it again")


def open_lists(path: Path, stored: Stored, manifest: DatabaseManifest) -> IvfIndex:
    """Map an index file *that was verified against the manifest*."""
    if (spec := manifest.lists) is None:
        raise ArtifactError(f"{path}: the manifest does not say how to search it; build the database again")
    return map_lists(path, stored, spec.lists, spec.probes)


def map_lists(path: Path, stored: Stored, lists: int, probes: int) -> IvfIndex:
    """Map a file that this process wrote or verified.

    Raises
    ------
    ArtifactError
        It is no such index, or one of other vectors.
    """
    # One thread for a search: the other cores have other work, and waking them costs more than it saves.
    faiss.omp_set_num_threads(1)
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise ArtifactError(f"{path} cannot be mapped: {error}; build the database again") from error
    if not isinstance(index, faiss.IndexIVFScalarQuantizer):
        raise ArtifactError(f"{path} is a {type(index).__name__}, not 8-bit inverted lists: build it again")
    found = (index.ntotal, index.d, index.nlist)
    if found != (*stored.shape, lists):
        raise ArtifactError(
            f"{path} holds {found[0]} vectors of {found[1]} values in {found[2]} lists, the database "
            f"{stored.shape[0]} of {stored.shape[1]} in {lists}: build it again"
        )
    return IvfIndex(index, stored, probes)


def write_lists(stored: Stored, path: Path, lists: int, seed: int) -> None:
    """Build an index file with all cores, in the memory of the codes and of the rows that train it."""
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(stored.shape[1]),
        stored.shape[1],
        lists,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
    )
    index.cp.seed, index.cp.niter, index.cp.min_points_per_centroid = seed, _ROUNDS, 1
    trainers = min(len(stored), lists * _TRAINED_BY)
    index.train(
        units_at(stored, np.sort(np.random.default_rng(seed).choice(len(stored), trainers, replace=False)))
    )
    for _, block in blocks(stored, 1 << 14):
        index.add(block / np.linalg.norm(block, axis=1, keepdims=True))
    faiss.write_index(index, str(path))


def lists_for(rows: int) -> int:
    """Return the power of two nearest to 2 sqrt(N), with enough rows to train every list."""
    usual = 1 << round(np.log2(2 * np.sqrt(rows)))
    return int(max(1, min(usual, rows // _TRAINED_BY)))
