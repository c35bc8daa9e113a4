"""What every index behind the seam promises, for each of its backends."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from qdrant_server import serving
from reference_databases import changed_database_of, database_of, random_units

from cardscanner.config import IndexConfig, QdrantConfig
from cardscanner.errors import IndexFault
from cardscanner.match import Database, load_index, open_database
from cardscanner.match.progress import Progress
from cardscanner.match.push import push_database
from cardscanner.match.selftest import HARD, displaced, recall_of
from cardscanner.ports import Index
from cardscanner.records import Vectors

BACKENDS = ("annoy", "exact", "int8", "ivf", "qdrant")
LAYERED = ("annoy+changes", "exact+changes", "int8+changes", "ivf+changes")
"""The same backends over a base, of which a third was removed, and exact search over what was added."""
OpenIndex = Callable[[Vectors], Index]
BUILT = {"exact": "int8", "qdrant": "int8"}
"""Backends without a file of their own: what their database is built with."""


class InOrder:
    """Says the number of a card instead of its row; in a database never changed the two are the same."""

    def __init__(self, index: Index, database: Database) -> None:
        self._index, self._database = index, database
        self.size, self.dim = index.size, index.dim

    def nearest(self, vectors, k, effort=1.0):
        rows, cosines = self._index.nearest(vectors, k, effort)
        numbers = [int(self._database.card_of(row).card_id.split("-")[1]) for row in rows.ravel().tolist()]
        return np.array(numbers, dtype=np.int64).reshape(rows.shape), cosines

    def close(self) -> None:
        self._index.close()


@pytest.fixture(scope="module")
def qdrant() -> Iterator[str]:
    """Give the address of a server."""
    with serving() as server:
        yield server.url


def config_of(backend: str, folder: Path, qdrant: str) -> IndexConfig:
    """Return a configuration; what has to be elsewhere first is pushed there."""
    if backend != "qdrant":
        return IndexConfig(backend=backend, database=folder)
    place = QdrantConfig(url=qdrant, timeout_s=30)
    push_database(folder, place, Progress(io.StringIO()))
    return IndexConfig(backend=backend, database=folder, qdrant=place)


@pytest.fixture(params=[*BACKENDS, *LAYERED, pytest.param("qdrant+changes", marks=pytest.mark.slow)])
def open_over(request, tmp_path, qdrant) -> Iterator[OpenIndex]:
    """Give a function that opens the backend over given vectors, through a database folder."""
    opened = []

    def over(vectors: Vectors) -> Index:
        backend, *changes = request.param.split("+")
        build = changed_database_of if changes else database_of
        folder = build(tmp_path / f"db{len(opened)}", vectors, index=BUILT.get(backend, backend))
        database = open_database(folder)
        index = load_index(config_of(backend, folder, qdrant), database)
        if changes:
            index = InOrder(index, database)
        opened.append((index, database))
        return index

    yield over
    for index, database in opened:
        index.close()
        database.close()


def _truth(vectors: Vectors, queries: Vectors, k: int) -> tuple[np.ndarray, np.ndarray]:
    stored = vectors.astype(np.float16).astype(np.float64)
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    cosines = queries.astype(np.float64) @ stored.T
    rows = np.argsort(-cosines, axis=1)[:, :k]
    return rows, np.take_along_axis(cosines, rows, 1)


@pytest.mark.parametrize("dim", [128, 512, 768])
def test_neighbours_and_cosines_are_those_of_plain_arithmetic(open_over, dim):
    vectors, queries = random_units(300, dim), random_units(20, dim, seed=1)
    rows, cosines = open_over(vectors).nearest(queries, 11)
    true_rows, true_cosines = _truth(vectors, queries, 11)
    assert rows.tolist() == true_rows.tolist()
    np.testing.assert_allclose(cosines, true_cosines, atol=2e-5)


def test_types_and_shapes_are_those_of_the_port(open_over):
    index = open_over(random_units(30, 64))
    rows, cosines = index.nearest(random_units(3, 64), 5)
    assert (index.size, index.dim) == (30, 64)
    assert (rows.shape, rows.dtype) == ((3, 5), np.dtype(np.int64))
    assert (cosines.shape, cosines.dtype) == ((3, 5), np.dtype(np.float32))


def test_best_comes_first(open_over):
    _, cosines = open_over(random_units(200, 64)).nearest(random_units(10, 64, seed=1), 50)
    assert (np.diff(cosines, axis=1) <= 0).all()


def test_a_stored_vector_finds_itself_with_cosine_one(open_over):
    vectors = random_units(100, 128)
    rows, cosines = open_over(vectors).nearest(vectors[40:50], 1)
    assert rows[:, 0].tolist() == list(range(40, 50))
    np.testing.assert_allclose(cosines, 1.0, atol=1e-4)


def test_with_less_effort_every_cosine_is_still_that_of_its_row(open_over):
    vectors, queries = random_units(400, 64), random_units(20, 64, seed=1)
    index = open_over(vectors)
    rows, cosines = index.nearest(queries, 5, 0.1)
    best = index.nearest(queries, 5)[1]
    assert rows.shape == cosines.shape == (20, 5)
    assert np.allclose(cosines, np.einsum("bkd,bd->bk", vectors[rows], queries), atol=1e-3)
    assert (cosines <= best + 1e-6).all()


def test_opposite_vectors_have_cosine_minus_one(open_over):
    vectors = random_units(1, 128)
    _, cosines = open_over(vectors).nearest(-vectors, 1)
    np.testing.assert_allclose(cosines, -1.0, atol=1e-4)


@pytest.mark.parametrize("size", [1, 2, 9])
def test_more_neighbours_than_there_are_give_all_of_them_once(open_over, size):
    rows, cosines = open_over(random_units(size, 64)).nearest(random_units(4, 64, seed=1), 50)
    assert cosines.shape == (4, size)
    assert [sorted(each) for each in rows.tolist()] == [list(range(size))] * 4


def test_equal_vectors_are_all_found(open_over):
    vectors = np.repeat(random_units(20, 64), 6, axis=0)
    rows, cosines = open_over(vectors).nearest(vectors[:1], 7)
    assert sorted(rows[0, :6].tolist()) == list(range(6))
    np.testing.assert_allclose(cosines[0, :6], 1.0, atol=1e-4)
    assert cosines[0, 6] < 0.9


def test_no_queries_give_empty_answers(open_over):
    rows, cosines = open_over(random_units(30, 64)).nearest(np.empty((0, 64), dtype=np.float32), 5)
    assert rows.shape == cosines.shape == (0, 5)


def test_many_queries_are_answered_as_one_by_one(open_over):
    index, queries = open_over(random_units(100, 32)), random_units(1100, 32, seed=1)
    rows, cosines = index.nearest(queries, 3)
    for number in (0, 511, 512, 1099):
        alone_rows, alone_cosines = index.nearest(queries[number : number + 1], 3)
        assert alone_rows[0].tolist() == rows[number].tolist()
        np.testing.assert_allclose(alone_cosines[0], cosines[number], atol=1e-5)


def test_views_and_other_float_types_are_taken(open_over):
    index, queries = open_over(random_units(30, 64)), random_units(8, 64, seed=1)
    rows, _ = index.nearest(queries, 4)
    backwards, _ = index.nearest(queries[::-1], 4)
    assert backwards[::-1].tolist() == rows.tolist()
    doubled, _ = index.nearest(queries.astype(np.float64), 4)
    assert doubled.tolist() == rows.tolist()


def test_queries_stay_as_they_were(open_over):
    index, queries = open_over(random_units(30, 64)), random_units(8, 64, seed=1)
    before = queries.copy()
    index.nearest(queries, 4)
    assert (queries == before).all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda vectors: vectors * 0,
        lambda vectors: vectors * 2,
        lambda vectors: vectors * 0.98,
        lambda vectors: np.where(np.arange(64) == 3, np.nan, vectors),
        lambda vectors: np.where(np.arange(64) == 3, np.inf, vectors),
        lambda vectors: vectors[:, :63],
        lambda vectors: np.hstack([vectors, vectors * 0]),
        lambda vectors: vectors[0],
        lambda vectors: vectors[None],
    ],
    ids=["zero", "long", "short", "nan", "inf", "narrow", "wide", "flat", "deep"],
)
def test_vectors_that_are_no_unit_vectors_of_this_dimension_are_refused(open_over, spoil):
    index = open_over(random_units(30, 64))
    with pytest.raises(ValueError, match=r"unit vector|takes \(B, 64\)"):
        index.nearest(spoil(random_units(2, 64, seed=1)), 4)


def test_one_bad_vector_among_good_ones_is_named(open_over):
    queries = random_units(5, 64, seed=1)
    queries[3] = 0
    with pytest.raises(ValueError, match="vector 3 "):
        open_over(random_units(30, 64)).nearest(queries, 4)


@pytest.mark.parametrize("k", [0, -1])
def test_asking_for_no_neighbours_is_a_mistake(open_over, k):
    with pytest.raises(ValueError, match="at least one"):
        open_over(random_units(30, 64)).nearest(random_units(1, 64), k)


def test_closing_twice_is_harmless(open_over):
    index = open_over(random_units(30, 64))
    index.close()
    index.close()


def test_every_backend_of_the_configuration_is_here():
    assert {*IndexConfig.model_fields["backend"].annotation.__args__} == {*BACKENDS, "auto"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_finds_what_plain_arithmetic_finds_in_a_crowd(tmp_path: Path, backend, qdrant):
    crowd = random_units(30, 96)[np.random.default_rng(1).integers(0, 30, 4000)]
    crowd = crowd + 0.05 * np.random.default_rng(2).standard_normal(crowd.shape)
    vectors = (crowd / np.linalg.norm(crowd, axis=1, keepdims=True)).astype(np.float32)
    folder = database_of(tmp_path / "db", vectors, index=BUILT.get(backend, backend))
    queries = displaced(vectors, np.arange(200), HARD, np.random.default_rng(3))
    _, truth = _truth(vectors, queries, 11)
    with (
        closing(open_database(folder)) as database,
        closing(load_index(config_of(backend, folder, qdrant), database)) as index,
    ):
        recall_1, recall_11 = recall_of(index, database.vectors, queries, truth.astype(np.float32))
    assert recall_1 >= 0.99
    assert recall_11 >= 0.98


def test_searching_after_closing_is_an_index_fault_and_no_crash(open_over, request):
    index = open_over(random_units(30, 64))
    index.close()
    if request.node.callspec.params["open_over"] in ("annoy", "ivf", "qdrant"):
        with pytest.raises(IndexFault):
            index.nearest(random_units(1, 64), 1)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_vector_holds_it_is_answered_truly_or_refused(open_over, data):
    index = _index_over_few(open_over)
    width = data.draw(st.sampled_from([DIM, DIM, DIM, DIM - 1, DIM + 1, 0]))
    values = st.floats(width=32, allow_nan=True, allow_infinity=True)
    query = data.draw(
        arrays(np.float32, (1, width), elements=st.one_of(st.just(0.0), st.just(0.125), values))
    )
    fine = width == DIM and bool(abs(np.linalg.norm(query.astype(np.float64)) - 1.0) <= 1e-3)
    if not fine:
        with pytest.raises(ValueError, match="vector"):
            index.nearest(query, 3)
        return
    rows, cosines = index.nearest(query, 3)
    assert np.isfinite(cosines).all()
    assert np.allclose(cosines[0], FEW[rows[0]] @ query[0], atol=5e-3)


DIM = 64
FEW = np.repeat(random_units(24, DIM), 2, axis=0)
_opened: dict[int, Index] = {}


def _index_over_few(open_over: OpenIndex) -> Index:
    """Open once for all examples of one test."""
    if id(open_over) not in _opened:
        _opened.clear()
        _opened[id(open_over)] = open_over(FEW)
    return _opened[id(open_over)]
