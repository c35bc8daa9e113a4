"""Exact search, beyond what every index promises."""

import numpy as np
import pytest
from reference_databases import random_units

from cardscanner.errors import ArtifactError
from cardscanner.match.exact import exact_index


def test_blocks_are_merged_so_that_the_best_of_all_come_first():
    vectors = random_units(2500, 32)
    queries = random_units(5, 32, seed=1)
    rows, cosines = exact_index(vectors).nearest(queries, 2500)
    assert (np.sort(rows, axis=1) == np.arange(2500)).all()
    assert (np.diff(cosines, axis=1) <= 0).all()


def test_equal_cosines_come_in_the_order_of_their_rows():
    vectors = np.repeat(random_units(1, 32), 3000, axis=0)
    rows, _ = exact_index(vectors).nearest(vectors[:1], 4)
    assert rows[0].tolist() == sorted(rows[0].tolist())


def test_rounding_to_half_precision_does_not_change_the_length():
    # 1 / sqrt(768) in every place: all roundings go the same way.
    stored = np.full((1, 768), 768**-0.5, dtype=np.float16)
    query = np.full((1, 768), 768**-0.5, dtype=np.float32)
    _, cosines = exact_index(stored).nearest(query, 1)
    assert cosines[0, 0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_a_stored_vector_that_is_no_unit_vector_is_refused_by_its_row(value):
    stored = random_units(2000, 32).astype(np.float16)
    stored[1500] = value
    with pytest.raises(ArtifactError, match="vector 1500"):
        exact_index(stored)
