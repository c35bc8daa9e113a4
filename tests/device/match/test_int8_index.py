"""The scan of int8 codes, its rounding, and the shortlist that is compared again in float."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_databases import random_units

from cardscanner.match.exact import exact_index
from cardscanner.match.int8_index import int8_index
from cardscanner.match.quantise import Quantiser, fit_quantiser
from cardscanner.match.rerank import rerank, shortlist
from cardscanner.match.selftest import HARD, displaced, recall_of


def test_hard_queries_find_what_an_exact_search_finds():
    stored = random_units(6000, 256).astype(np.float16)
    queries = displaced(stored, np.arange(300), HARD, np.random.default_rng(0))
    _, truth = exact_index(stored).nearest(queries, 11)
    assert recall_of(int8_index(stored), stored, queries, truth) == (1.0, 1.0)


def test_cosines_are_those_of_the_stored_vectors_and_not_of_their_codes():
    stored = random_units(500, 128).astype(np.float16)
    query = random_units(1, 128, seed=3)
    rows, cosines = int8_index(stored).nearest(query, 5)
    units = stored.astype(np.float64) / np.linalg.norm(stored.astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_allclose(cosines[0], units[rows[0]] @ query[0], atol=1e-6)


def test_equal_vectors_come_in_the_order_of_their_rows():
    stored = np.repeat(random_units(3, 64), 200, axis=0).astype(np.float16)
    rows, _ = int8_index(stored).nearest(stored[:1].astype(np.float32), 3)
    assert (np.diff(rows[0]) > 0).all()
    assert rows.max() < 200


def test_a_code_is_half_a_level_from_its_component_at_most_and_outliers_are_clipped():
    quantiser = Quantiser(clip=0.1)
    values = np.linspace(-0.1, 0.1, 1001, dtype=np.float32)[None]
    codes = quantiser.codes(values)
    assert np.abs(codes * (0.1 / 127) - values).max() <= 0.1 / 127 / 2 + 1e-7
    assert quantiser.codes(np.array([[5.0, -5.0]], np.float32)).tolist() == [[127, -127]]


def test_rounding_hardly_ever_moves_a_product_further_than_the_slack():
    stored, queries = random_units(3000, 256), random_units(40, 256, seed=1)
    quantiser = fit_quantiser(stored)
    products = quantiser.codes(queries).astype(np.float64) @ quantiser.codes(stored).astype(np.float64).T
    off = np.abs(products - (queries @ stored.T) * (127 / quantiser.clip) ** 2)
    assert np.quantile(off, 0.99) < quantiser.slack, "what clipping adds is rarer than that"
    assert np.quantile(off, 0.99) > quantiser.slack / 4, "the slack is not for show"


def test_a_crowd_of_equal_rows_does_not_push_others_from_the_shortlist():
    vectors = np.concatenate([np.repeat(random_units(1, 32), 200, axis=0), random_units(100, 32, seed=1)])
    stored = vectors.astype(np.float16)
    queries = displaced(stored, np.arange(300), HARD, np.random.default_rng(0))
    _, truth = exact_index(stored).nearest(queries, 11)
    assert recall_of(int8_index(stored), stored, queries, truth) == (1.0, 1.0)


def test_the_clip_follows_the_size_of_the_components_and_is_the_same_each_time():
    narrow, wide = random_units(3000, 768), random_units(3000, 48)
    assert fit_quantiser(narrow).clip < 0.2 < fit_quantiser(wide).clip
    assert fit_quantiser(narrow) == fit_quantiser(narrow)


def test_fitting_leaves_the_vectors_as_they_are():
    stored = random_units(10, 32)
    before = stored.copy()
    fit_quantiser(stored)
    int8_index(stored).nearest(stored[:1], 1)
    assert (stored == before).all()


@settings(max_examples=200, deadline=None)
@given(
    size=st.integers(1, 9000),
    count=st.integers(1, 60),
    levels=st.integers(1, 2000),
    slack=st.sampled_from([0.0, 3.0]),
    seed=st.integers(0, 99),
)
def test_a_shortlist_holds_the_best_scores_and_all_that_are_as_good(size, count, levels, slack, seed):
    scores = np.random.default_rng(seed).integers(0, levels, size).astype(np.float64)
    found = shortlist(scores, count, slack)
    last = np.sort(scores)[-min(count, size)]
    assert found.tolist() == np.flatnonzero(scores >= (last - slack if count < size else 0)).tolist()


@pytest.mark.parametrize("k", [1, 4, 9])
def test_reranking_gives_the_best_of_the_rows_it_was_given(k):
    stored, query = random_units(50, 32), random_units(1, 32, seed=1)[0]
    some = np.arange(5, 14)
    rows, cosines = rerank(stored, query, some, k)
    best = sorted(some, key=lambda row: -float(stored[row] @ query))[:k]
    assert rows.tolist() == best
    np.testing.assert_allclose(cosines, stored[best] @ query, atol=1e-6)
