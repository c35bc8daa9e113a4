"""Shares, areas and acceptance against definitions counted by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner_tools.evaluate.figures import (
    Figure,
    accepted_at,
    auroc,
    auroc_value,
    mean,
    plain,
    quantile,
    share,
    share_of,
)

SCORES = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=25)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (238, 238, 0.9841, 1.0)],
)
def test_wilsons_interval_has_its_published_values(hits, n, low, high):
    figure = share_of(hits, n)
    assert figure.value == hits / n
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 5000), st.data())
@settings(max_examples=100, deadline=None)
def test_a_share_lies_in_its_interval_and_the_interval_in_0_to_1(n, data):
    figure = share_of(data.draw(st.integers(0, n)), n)
    assert 0 <= figure.low <= figure.value <= figure.high <= 1


@given(SCORES, SCORES)
@settings(max_examples=200, deadline=None)
def test_the_auroc_is_the_share_of_pairs_in_the_right_order_with_ties_as_half(known, unknown):
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in known for b in unknown]
    assert auroc_value(np.array(known), np.array(unknown)) == pytest.approx(sum(pairs) / len(pairs))


def test_accepting_at_one_percent_lets_no_more_than_one_percent_of_the_unknown_in():
    unknown = np.arange(300, dtype=float)
    known = np.array([295.5, 296.5, 297.5, 400.0])
    figure = accepted_at(known, unknown, 0.01)
    # 1 % of 300 are three: 297, 298 and 299 may get in, so everything above 296 is accepted.
    assert figure.value == 0.75
    assert figure.low <= 0.75 <= figure.high


def test_with_fewer_than_a_hundred_unknown_ones_none_of_them_may_get_in():
    assert accepted_at(np.array([1.0, 3.0]), np.arange(3, dtype=float)).value == 0.5


def test_everything_accepted_is_not_claimed_with_certainty():
    figure = accepted_at(np.full(20, 5.0), np.zeros(200))
    assert figure.value == figure.high == 1.0
    assert figure.low == share_of(20, 20).low < 0.9


def test_a_perfect_separation_has_a_perfect_area_and_the_bootstrap_agrees():
    assert auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == Figure(1.0, 1.0, 1.0, 2)


def test_nothing_measured_is_no_figure():
    assert share([]) is None
    assert quantile([], 0.5) is None
    assert mean([]) is None
    assert auroc([], [1.0]) is None
    assert accepted_at([1.0], []) is None


def test_a_bootstrap_interval_holds_the_value_and_narrows_with_more_samples():
    rng = np.random.default_rng(0)
    few, many = (quantile(rng.normal(size=n), 0.5) for n in (40, 4000))
    assert few.low <= few.value <= few.high
    assert many.high - many.low < few.high - few.low


def test_figures_become_json_wherever_they_stand():
    document = plain({"a": [share_of(1, 2)], "b": {"c": None, "d": 3}})
    assert document["b"] == {"c": None, "d": 3}
    assert set(document["a"][0]) == {"value", "low", "high", "n"}
