"""The effort of the default index is chosen by measuring."""

import numpy as np
import pytest
from reference_databases import random_units

from cardscanner.errors import IndexFault
from cardscanner.match.annoy_index import map_forest, write_forest
from cardscanner.match.exact import exact_index
from cardscanner.match.search_effort import Trial, choose_effort, hard_trial, time_of_one_ms
from cardscanner.match.selftest import HARD, displaced, recall_of


def _crowded(count: int, dim: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = random_units(60, dim)
    vectors = centres[rng.integers(0, 60, count)] + 0.07 * rng.standard_normal((count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def test_the_chosen_effort_reaches_its_recall_on_queries_it_was_not_chosen_with(tmp_path):
    stored = _crowded(5000, 96)
    write_forest(stored, tmp_path / "index.ann", trees=20, seed=1)
    index, exact = map_forest(tmp_path / "index.ann", 96, 5000, 20, search_k=1), exact_index(stored)
    effort = choose_effort(index, hard_trial(stored, exact, seed=1), first=1000, most=5000 * 20)
    assert effort.recall_1 >= 0.999
    assert effort.recall_top >= 0.99

    rng = np.random.default_rng(99)
    queries = displaced(stored, rng.choice(5000, 400), HARD, rng)
    _, truth = exact.nearest(queries, 11)
    recall_1, recall_top = recall_of(index.searching(effort.work), stored, queries, truth)
    assert recall_1 >= 0.99
    assert recall_top >= 0.98
    lazy_1, _ = recall_of(index.searching(1), stored, queries, truth)
    assert lazy_1 < recall_1, "the test must be one where effort matters"


def test_an_index_of_other_vectors_never_gets_an_effort(tmp_path):
    stored = _crowded(300, 32)
    write_forest(random_units(300, 32, seed=9), tmp_path / "index.ann", trees=5, seed=1)
    index = map_forest(tmp_path / "index.ann", 32, 300, 5, search_k=1)
    with pytest.raises(IndexFault, match="every row"):
        choose_effort(index, hard_trial(stored, exact_index(stored), seed=1), first=1000, most=300 * 5)


class CountingIndex:
    """Exact, but below a certain work it answers with the wrong rows: what is asked of it is counted."""

    def __init__(self, stored, needed, asked, work=0):
        self.size, self.dim = stored.shape
        self._exact, self._stored, self._needed, self._asked, self._work = (
            exact_index(stored), stored, needed, asked, work,
        )  # fmt: skip

    def searching(self, work):
        self._asked.append(work)
        return CountingIndex(self._stored, self._needed, self._asked, work)

    def nearest(self, vectors, k, effort=1.0):
        rows, cosines = self._exact.nearest(vectors, k)
        return (rows, cosines) if self._work >= self._needed else ((rows + 1) % self.size, cosines)

    def close(self):
        pass


@pytest.mark.parametrize(
    ("needed", "chosen", "asked"),
    [(1, 4, [4]), (5, 8, [4, 8]), (13, 16, [4, 8, 16]), (20, 20, [4, 8, 16, 20])],
)
def test_work_is_doubled_until_it_is_enough_and_never_beyond_all(needed, chosen, asked):
    stored, seen = _crowded(200, 32), []
    index = CountingIndex(stored, needed, seen)
    effort = choose_effort(index, hard_trial(stored, exact_index(stored), 1), first=4, most=20)
    assert (effort.work, seen) == (chosen, asked)
    assert effort.enough


def test_the_time_of_one_search_is_that_of_its_processor():
    stored = _crowded(200, 32)
    trial = Trial(stored, random_units(60, 32), np.zeros((60, 11), np.float32))
    assert 0 < time_of_one_ms(exact_index(stored), trial) < 100
