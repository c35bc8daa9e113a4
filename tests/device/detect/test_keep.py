"""Which of many overlapping quads are kept."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.detect.keep import best_per_place, convex, quad_areas, varied, without_overlap
from cardscanner.geometry import area, covered


def box(x, y, width=63.0, height=88.0):
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]


def quads(*boxes):
    return np.array(boxes, np.float32).reshape(-1, 4, 2)


def test_only_convex_clockwise_quads_of_some_size_are_outlines():
    clockwise, bent = box(0, 0), [[0, 0], [50, 0], [10, 10], [0, 50]]
    crossed = [[0, 0], [50, 50], [50, 0], [0, 50]]
    tiny = box(0, 0, 3, 3)
    answer = convex(quads(clockwise, clockwise[::-1], bent, crossed, tiny))
    assert answer.tolist() == [True, False, False, False, False]


@given(st.floats(5, 300), st.floats(5, 300), st.floats(0, 6.28))
def test_areas_are_those_of_geometry(width, height, turn):
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    quad = (np.array(box(0, 0, width, height)) @ spin).astype(np.float32)
    np.testing.assert_allclose(quad_areas(quad[None])[0], area(quad), rtol=1e-3)


def test_of_overlapping_quads_the_best_is_kept():
    kept = without_overlap(quads(box(0, 0), box(10, 5), box(200, 0)), np.array([0.5, 0.9, 0.7]), 10)
    assert kept.tolist() == [1, 2]


def test_cards_that_touch_are_both_kept():
    kept = without_overlap(quads(box(0, 0), box(60, 0)), np.array([0.9, 0.8]), 10)
    assert kept.tolist() == [0, 1]


def test_no_more_than_the_limit_are_kept():
    row = quads(*(box(100 * n, 0) for n in range(6)))
    assert without_overlap(row, np.linspace(0.9, 0.4, 6), 3).tolist() == [0, 1, 2]


def test_a_quad_around_several_good_ones_is_a_page_and_goes():
    cards = [box(10, 10), box(80, 10), box(10, 105), box(80, 105)]
    kept = without_overlap(quads(box(0, 0, 150, 205), *cards), np.array([0.95, 0.9, 0.9, 0.9, 0.9]), 10)
    assert sorted(kept.tolist()) == [1, 2, 3, 4]


def test_a_quad_around_one_weak_frame_stays():
    kept = without_overlap(quads(box(0, 0), box(8, 12, 47, 30)), np.array([0.9, 0.3]), 10)
    assert kept.tolist() == [0]


@settings(max_examples=200, deadline=None)
@given(st.floats(30, 300), st.floats(0, 6.28), st.integers(0, 10**6), st.floats(-5, -0.5))
def test_two_readings_of_one_card_are_never_both_kept_however_close_they_lie(width, turn, seed, exponent):
    rng = np.random.default_rng(seed)
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    one = np.array(box(0, 0, width, 1.4 * width)) @ spin + rng.uniform(0, 600, 2)
    two = one + rng.normal(0, 10**exponent, (4, 2))
    assert len(without_overlap(quads(one, two), np.array([0.9, 0.8]), 10)) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_what_is_kept_does_not_overlap_and_is_in_order_of_score(seed, count):
    rng = np.random.default_rng(seed)
    some = quads(*(box(*rng.uniform(0, 300, 2), *rng.uniform(40, 90, 2)) for _ in range(count)))
    score = rng.random(count).astype(np.float32)
    kept = without_overlap(some, score, 20)
    assert 1 <= len(kept) <= 20
    assert (np.diff(score[kept]) <= 0).all()
    for number, first in enumerate(kept):
        assert all(covered(some[first], some[second]) <= 0.26 for second in kept[:number])


def test_one_clear_card_does_not_crowd_out_the_rest_of_the_page():
    crowd = [box(1 + 0.2 * n, 1) for n in range(50)]
    alone = [box(400, 400)]
    score = np.append(np.linspace(1, 0.9, 50), 0.1)
    kept = best_per_place(quads(*crowd, *alone), score, quota=5, most=20)
    assert 50 in kept
    assert len(kept) <= 11


def test_nearly_equal_quads_are_looked_at_once():
    same = quads(box(0, 0), box(0.3, 0.2), box(4, 4, 55, 80), box(300, 0))
    assert varied(same, np.array([0.9, 0.8, 0.7, 0.6]), most=10, per_place=5).tolist() == [0, 2, 3]
    assert varied(same, np.array([0.9, 0.8, 0.7, 0.6]), most=10, per_place=1).tolist() == [0, 3]
    assert varied(same, np.array([0.9, 0.8, 0.7, 0.6]), most=1, per_place=5).tolist() == [0]
