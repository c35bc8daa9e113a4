"""Annoy, the default index: a memory-mapped forest of random splits.

Annoy trusts its file blindly: a truncated or random one loads, then ends the interpreter. So a file is mapped
only after its hash agreed with the manifest. It keeps angular distances d = sqrt(2 - 2 cos); they become
cosines here and nowhere else.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from annoy import AnnoyIndex as Forest

from cardscanner.errors import ArtifactError, IndexFault
from cardscanner.manifest import DatabaseManifest
from cardscanner.match.exact import Answer
from cardscanner.match.unit_vectors import Stored, blocks, checked_units
from cardscanner.records import Vectors

INDEX_FILE = "index.ann"


class AnnoyIndex:
    """Searches a mapped forest; looks at about ``search_k`` candidates for each query."""

    def __init__(self, forest: Forest, dim: int, size: int, trees: int, search_k: int) -> None:
        self.size, self.dim = size, dim
        self.search_k = search_k
        self._forest = forest
        self._trees = trees

    def nearest(self, vectors: Vectors, k: int, effort: float = 1.0) -> Answer:
        """Return rows and cosines, (B, min(k, size)), best first."""
        if k < 1:
            raise ValueError(f"k is {k}; at least one neighbour must be asked for")
        queries = checked_units(vectors, self.dim)
        wanted = min(k, self.size)
        # Each tree proposes a row at most once, so trees * k candidates hold k different rows.
        search_k = max(round(self.search_k * effort), self._trees * wanted)
        rows = np.empty((len(queries), wanted), dtype=np.int64)
        angular = np.empty((len(queries), wanted), dtype=np.float32)
        for number, query in enumerate(queries):
            found, distances = self._forest.get_nns_by_vector(query.tolist(), wanted, search_k, True)
            if len(found) != wanted:
                raise IndexFault(f"the index gave {len(found)} of {wanted} neighbours: build it again")
            rows[number], angular[number] = found, distances
        return rows, 1.0 - angular * angular / 2.0

    def searching(self, work: int) -> AnnoyIndex:
        """Return an index over the same mapped file with another ``search_k``."""
        return AnnoyIndex(self._forest, self.dim, self.size, self._trees, work)

    def close(self) -> None:
        """Unmap the file; safe to call twice. Searching afterwards is an :class:`IndexFault`."""
        self._forest.unload()


def open_annoy(path: Path, manifest: DatabaseManifest, search_k: int | None = None) -> AnnoyIndex:
    """Map an index file *that was verified against the manifest*; ``search_k`` overrides the manifest's."""
    if (spec := manifest.index) is None:
        raise ArtifactError(f"{path}: the manifest does not say how to search it; build the database again")
    return map_forest(path, manifest.dim, manifest.rows, spec.trees, search_k or spec.search_k)


def map_forest(path: Path, dim: int, rows: int, trees: int, search_k: int) -> AnnoyIndex:
    """Map a file that this process wrote or verified.

    Raises
    ------
    ArtifactError
        It cannot hold vectors of this dimension, or holds another number of them.
    """
    if path.stat().st_size % node_bytes(dim):
        raise ArtifactError(
            f"{path} is no Annoy index of {dim}-d vectors: {path.stat().st_size} bytes are not a multiple of "
            f"{node_bytes(dim)}; build the database again"
        )
    forest = Forest(dim, "angular")
    try:
        forest.load(str(path))
    except OSError as error:
        raise ArtifactError(f"{path} cannot be mapped: {error}; build the database again") from error
    if forest.get_n_items() != rows:
        raise ArtifactError(
            f"{path} holds {forest.get_n_items()} vectors, the database {rows}: build it again"
        )
    return AnnoyIndex(forest, dim, rows, trees, search_k)


def write_forest(stored: Stored, path: Path, trees: int, seed: int) -> None:
    """Build an index file; the same vectors, trees and seed give the same bytes.

    Threads would make the bytes differ from run to run, so there is one. The forest grows in memory, not in a
    mapped file: on a full disk the latter ends the interpreter with SIGBUS. ``path`` must be a name of our
    own choosing, as Annoy unlinks whatever stands there.
    """
    forest = Forest(stored.shape[1], "angular")
    forest.set_seed(seed)
    for start, block in blocks(stored):
        for offset, vector in enumerate(block):
            forest.add_item(start + offset, vector.tolist())
    forest.build(trees, 1)
    forest.save(str(path))
    forest.unload()


def node_bytes(dim: int) -> int:
    """Size of one Annoy node: three 32-bit fields, then the vector."""
    return 12 + 4 * dim
