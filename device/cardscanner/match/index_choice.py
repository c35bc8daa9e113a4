"""Which index a database gets: the first that is right and fast enough, measured where it is built.

Annoy is the default and comes first. Where it cannot find the true neighbours in time, rows are scanned as
int8, and where there are too many to scan, lists are searched. Each is held to the same hard queries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cardscanner.errors import IndexFault
from cardscanner.files import replacing
from cardscanner.manifest import IndexSpec, ListsSpec, SearchSpec
from cardscanner.match.annoy_index import INDEX_FILE, map_forest, write_forest
from cardscanner.match.exact import ExactIndex
from cardscanner.match.int8_index import int8_index
from cardscanner.match.progress import Progress
from cardscanner.match.search_effort import (
    Effort,
    Trial,
    choose_effort,
    hard_trial,
    recall_with,
    time_of_one_ms,
)
from cardscanner.match.selftest import self_test
from cardscanner.match.unit_vectors import Stored
from cardscanner.ports import Index

Wanted = Literal["auto", "annoy", "int8", "ivf"]

TREES = 50
SEED = 2026
SLOWEST_MS = 3.0
"""A search that takes longer makes room for the next kind of index."""

MOST_FOR_ANNOY = 50_000
MOST_FOR_INT8 = 300_000
"""Beyond these neither has ever been fast enough, so that building them would be for nothing."""

_TOO_SLOW = {"ms": float("inf")}
_FIRST_CANDIDATES = 1000
_FIRST_PROBES = 4


@dataclass(frozen=True, slots=True)
class Built:
    """The indexes that lie beside the vectors, and the one that is meant."""

    search: SearchSpec
    annoy: IndexSpec | None
    lists: ListsSpec | None
    files: tuple[str, ...]


@dataclass(slots=True)
class _Workshop:
    """One build: what every kind of index is made from, and what has been made."""

    folder: Path
    trial: Trial
    exact: ExactIndex
    measured: dict[str, dict[str, float | int]] = field(default_factory=dict)
    annoy: IndexSpec | None = None
    lists: ListsSpec | None = None
    files: list[str] = field(default_factory=list)

    def prove(self, name: str, index: Index, effort: Effort) -> None:
        self_test(index, self.exact, self.trial.stored)
        self.measured[name] = {**effort.measured, "ms": round(time_of_one_ms(index, self.trial), 3)}


def build_indexes(
    folder: Path, stored: Stored, exact: ExactIndex, wanted: Wanted, progress: Progress
) -> Built:
    """Write the index files of a database into ``folder`` and prove them.

    Raises
    ------
    IndexFault
        An index does not find what an exact search finds.
    ConfigError
        A package that this many vectors need is not installed.
    """
    work = _Workshop(folder, hard_trial(stored, exact, SEED), exact)
    for name in _candidates(len(stored), wanted):
        progress.note(f"building and measuring the {name} index over {len(stored)} vectors")
        _MAKERS[name](work)
        if work.measured.get(name, _TOO_SLOW)["ms"] <= SLOWEST_MS:
            break
    if not work.measured:
        raise IndexFault(f"no {wanted} index finds the neighbours of these vectors: leave out --index")
    return Built(chosen(work.measured), work.annoy, work.lists, tuple(work.files))


def chosen(measured: dict[str, dict[str, float | int]]) -> SearchSpec:
    """Choose the first of the measured indexes that is fast enough, else the fastest."""
    backend = min(measured, key=lambda name: max(SLOWEST_MS, measured[name]["ms"]))
    return SearchSpec.model_validate({"backend": backend, "measured": measured})


def _candidates(rows: int, wanted: Wanted) -> list[str]:
    if wanted != "auto":
        return [wanted]
    limits = {"annoy": MOST_FOR_ANNOY, "int8": MOST_FOR_INT8}
    return [*(name for name, most in limits.items() if rows <= most), "ivf"]


def _make_annoy(work: _Workshop) -> None:
    stored = work.trial.stored
    with replacing(work.folder / INDEX_FILE) as temporary:
        write_forest(stored, temporary, TREES, SEED)
    index = map_forest(work.folder / INDEX_FILE, stored.shape[1], len(stored), TREES, search_k=1)
    try:
        effort = choose_effort(index, work.trial, _FIRST_CANDIDATES, len(stored) * TREES)
        work.prove("annoy", index.searching(effort.work), effort)
    finally:
        index.close()
    work.annoy = IndexSpec(trees=TREES, search_k=effort.work, seed=SEED, measured=effort.measured)
    work.files.append(INDEX_FILE)


def _make_int8(work: _Workshop) -> None:
    index = int8_index(work.trial.stored)
    effort = recall_with(index, work.trial)
    if effort.enough:
        work.prove("int8", index, effort)


def _make_ivf(work: _Workshop) -> None:
    from cardscanner.match.ivf_index import LISTS_FILE, lists_for, map_lists, write_lists

    stored = work.trial.stored
    lists = lists_for(len(stored))
    with replacing(work.folder / LISTS_FILE) as temporary:
        write_lists(stored, temporary, lists, SEED)
    index = map_lists(work.folder / LISTS_FILE, stored, lists, probes=1)
    try:
        effort = choose_effort(index, work.trial, _FIRST_PROBES, lists)
        work.prove("ivf", index.searching(effort.work), effort)
    finally:
        index.close()
    work.lists = ListsSpec(lists=lists, probes=effort.work, seed=SEED, measured=effort.measured)
    work.files.append(LISTS_FILE)


_MAKERS: dict[str, Callable[[_Workshop], None]] = {"annoy": _make_annoy, "int8": _make_int8, "ivf": _make_ivf}
