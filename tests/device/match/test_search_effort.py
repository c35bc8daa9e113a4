"""The effort of the default index is chosen by measuring."""

import numpy as np
import pytest
from reference_databases import random_units

from cardscanner.errors import IndexFault
from cardscanner.match.annoy_index import map_forest, write_forest
from cardscanner.match.exact import exact_index
from cardscanner.match.search_effort import choose_effort
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
    effort = choose_effort(index, exact, stored, trees=20, seed=1)
    assert effort.recall_1 >= 0.999
    assert effort.recall_top >= 0.99

    rng = np.random.default_rng(99)
    queries = displaced(stored, rng.choice(5000, 400), HARD, rng)
    _, truth = exact.nearest(queries, 11)
    recall_1, recall_top = recall_of(index.searching(effort.search_k), stored, queries, truth)
    assert recall_1 >= 0.99
    assert recall_top >= 0.98
    lazy_1, _ = recall_of(index.searching(1), stored, queries, truth)
    assert lazy_1 < recall_1, "the test must be one where effort matters"


def test_an_index_of_other_vectors_never_gets_an_effort(tmp_path):
    stored = _crowded(300, 32)
    write_forest(random_units(300, 32, seed=9), tmp_path / "index.ann", trees=5, seed=1)
    index = map_forest(tmp_path / "index.ann", 32, 300, 5, search_k=1)
    with pytest.raises(IndexFault, match="every row"):
        choose_effort(index, exact_index(stored), stored, trees=5, seed=1)
