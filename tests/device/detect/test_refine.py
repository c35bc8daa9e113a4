"""Sides snap to the edges near them, to a fraction of a pixel."""

import numpy as np
import pytest
from drawn_tables import lay_cards, plain_table
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.detect.profiles import Sides
from cardscanner.detect.pyramid import Pyramid
from cardscanner.detect.refine import meeting_points, moved_quads, refine_quads
from cardscanner_tools.scene.stage import Pose

VIEW = plain_table(110)
(TRUTH,) = lay_cards(VIEW, Pose(640.4, 350.2, 420, 0.35))
PYRAMID = Pyramid(VIEW)
WIDTH = float(np.linalg.norm(TRUTH[1] - TRUTH[0]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-0.02, 0.02), min_size=8, max_size=8))
def test_an_outline_a_little_off_comes_back_to_the_edge(shift):
    sides = Sides.of(TRUTH[None])
    near, far = np.array(shift, np.float32).reshape(2, 1, 4)
    (refined,) = refine_quads(PYRAMID, moved_quads(sides, near, far))
    assert np.linalg.norm(refined - TRUTH, axis=1).max() < 0.01 * WIDTH


def test_no_quads_are_refined_to_no_quads():
    assert refine_quads(PYRAMID, np.zeros((0, 4, 2), np.float32)).shape == (0, 4, 2)


def test_an_outline_far_from_any_edge_moves_at_most_as_far_as_it_looks():
    quad = np.array([[20, 20], [83, 20], [83, 108], [20, 108]], np.float32)
    (refined,) = refine_quads(PYRAMID, quad[None])
    assert np.abs(refined - quad).max() < 0.1 * 63


@pytest.mark.parametrize("outward", [0.1, -0.1, 0.0])
def test_moving_all_sides_outward_makes_a_rectangle_larger(outward):
    box = np.array([[10, 10], [110, 10], [110, 150], [10, 150]], np.float32)
    shift = np.full((1, 4), outward, np.float32)
    (moved,) = moved_quads(Sides.of(box[None]), shift, shift)
    away = 100 * outward * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    np.testing.assert_allclose(moved, box + away, atol=1e-3)


def test_sides_that_never_meet_keep_their_corner():
    first = np.array([[[0, 0], [10, 0], [20, 0], [30, 0]]], np.float32)
    along = np.array([1, 0], np.float32)
    otherwise = np.arange(8, dtype=np.float32).reshape(1, 4, 2)
    np.testing.assert_array_equal(meeting_points(first, first + np.float32(5) * along, otherwise), otherwise)
