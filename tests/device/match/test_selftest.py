"""The self-test at start-up, and how recall is counted."""

import numpy as np
import pytest
from reference_databases import database_of, random_units

from cardscanner.config import IndexConfig
from cardscanner.errors import IndexFault
from cardscanner.match import load_index, open_database
from cardscanner.match.exact import exact_index
from cardscanner.match.selftest import EASY, HARD, displaced, recall_of, self_test


class TwistedIndex:
    """Exact search whose answers pass through a function: what a broken index may do."""

    def __init__(self, stored, twist):
        self.size, self.dim = stored.shape
        self._exact = exact_index(stored)
        self._twist = twist

    def nearest(self, vectors, k, effort=1.0):
        return self._twist(*self._exact.nearest(vectors, k))

    def close(self):
        pass


STORED = random_units(400, 64).astype(np.float16)
EXACT = exact_index(STORED)


def test_a_true_index_passes():
    self_test(EXACT, EXACT, STORED)


@pytest.mark.parametrize(
    "twist",
    [
        lambda rows, cosines: ((rows + 1) % 400, cosines),
        lambda rows, cosines: (np.zeros_like(rows), cosines),
        lambda rows, cosines: (rows, cosines * 0),
        lambda rows, cosines: (rows, cosines - 0.01),
    ],
    ids=["wrong rows", "one row", "no cosines", "cosines a little off"],
)
def test_an_index_that_answers_differently_is_a_fault(twist):
    with pytest.raises(IndexFault, match="exact"):
        self_test(TwistedIndex(STORED, twist), EXACT, STORED)


def test_an_index_that_only_finds_exact_copies_is_a_fault():
    def twist(rows, cosines):
        return np.where(cosines > 0.999, rows, (rows + 1) % 400), cosines

    with pytest.raises(IndexFault, match="probes"):
        self_test(TwistedIndex(STORED, twist), EXACT, STORED)


def test_too_small_a_search_effort_in_the_configuration_is_a_fault_and_not_a_silent_fallback(tmp_path):
    rng = np.random.default_rng(0)
    centres = random_units(40, 128)
    vectors = centres[rng.integers(0, 40, 6000)] + 0.02 * rng.standard_normal((6000, 128))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    folder = database_of(tmp_path / "db", vectors.astype(np.float32))
    database = open_database(folder)
    with pytest.raises(IndexFault, match="search_k"):
        load_index(IndexConfig(backend="annoy", database=folder, search_k=1), database)
    load_index(IndexConfig(backend="annoy", database=folder), database).close()


def test_twins_may_stand_for_each_other():
    twins = np.repeat(random_units(50, 64), 2, axis=0).astype(np.float16)
    swapped = TwistedIndex(twins, lambda rows, cosines: (rows ^ 1, cosines))
    self_test(swapped, exact_index(twins), twins)


def test_the_same_row_given_twice_counts_once():
    queries = displaced(STORED, np.arange(100), EASY, np.random.default_rng(0))
    _, truth = EXACT.nearest(queries, 4)

    def twist(rows, cosines):
        return np.repeat(rows[:, :1], rows.shape[1], axis=1), np.repeat(cosines[:, :1], rows.shape[1], axis=1)

    assert recall_of(TwistedIndex(STORED, twist), STORED, queries, truth) == (1.0, 0.25)


@pytest.mark.parametrize("span", [EASY, HARD])
def test_displaced_queries_keep_the_cosine_that_was_asked_for(span):
    rows = np.arange(200)
    queries = displaced(STORED, rows, span, np.random.default_rng(0))
    cosines = (STORED[rows].astype(np.float32) * queries).sum(axis=1)
    assert cosines.min() > span[0] - 0.01
    assert cosines.max() < span[1] + 0.01
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1.0, atol=1e-5)


def test_a_database_of_one_card_can_be_tested():
    one = random_units(1, 64).astype(np.float16)
    self_test(exact_index(one), exact_index(one), one)
