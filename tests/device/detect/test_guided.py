"""Choosing among readings of a place: edges decide, close to where the network saw the card."""

import numpy as np
import pytest
from drawn_tables import corner_error, empty_table, lay_cards, plain_table
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.detect.contours import find_and_remember
from cardscanner.detect.effort import LIVE
from cardscanner.detect.guided import around, distances, settle
from cardscanner.detect.judging import judge_quads
from cardscanner.detect.pyramid import Pyramid
from cardscanner.geometry import iou
from cardscanner.records import Quad
from cardscanner_tools.scene.stage import Pose

NOTHING = np.zeros((0, 4, 2), np.float32)


@pytest.mark.parametrize("surface", ["wood", "cloth"])
def test_an_outline_a_few_hundredths_off_settles_on_the_cards_edges(surface):
    view = empty_table(surface, seed=2)
    (truth,) = lay_cards(view, Pose(640, 360, 400, 0.4))
    pyramid = Pyramid(view)
    rough = truth + np.random.default_rng(1).uniform(-0.05, 0.05, (4, 2)).astype(np.float32) * 285
    place = settle(pyramid, rough, judge_quads(pyramid, NOTHING))
    assert corner_error(Quad(rough, 1.0), truth) > 0.02
    assert corner_error(place, truth) < 0.01


def test_what_the_classical_finder_saw_is_chosen_when_it_is_close():
    view = plain_table(110)
    (truth,) = lay_cards(view, Pose(640, 360, 400, 0.4))
    _, pool = find_and_remember(view, LIVE)
    far_off = truth + np.float32([30, -25])
    assert iou(settle(Pyramid(view), far_off, pool).corners, truth) > 0.99


def test_where_nothing_looks_like_a_card_the_networks_outline_stays():
    pyramid = Pyramid(plain_table(110))
    quad = np.array([[400, 200], [526, 200], [526, 376], [400, 376]], np.float32)
    place = settle(pyramid, quad, judge_quads(pyramid, NOTHING))
    assert np.array_equal(place.corners, quad)
    assert place.others == ()


@settings(deadline=None, max_examples=40)
@given(st.floats(20, 300), st.floats(0, 6.2), st.floats(-0.2, 0.2))
def test_what_lies_around_an_outline_holds_the_outline_itself_and_stays_close(width, turn, bend):
    square = np.array([[-1, -1.4], [1, -1.4], [1 + bend, 1.4], [-1, 1.4]]) * width / 2
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    quad = (square @ spin + 400).astype(np.float32)
    readings = around(quad)
    away = distances(readings, quad) / width
    assert away.min() < 1e-3
    assert away.max() < 0.25


def test_distances_do_not_depend_on_which_corner_comes_first():
    quad = np.array([[0, 0], [63, 0], [63, 88], [0, 88]], np.float32)
    assert distances(np.stack([np.roll(quad, turn, axis=0) for turn in range(4)]), quad) == pytest.approx(
        [0] * 4
    )
