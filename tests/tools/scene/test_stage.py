"""Laying things onto a table: where they are said to be, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.geometry import area
from cardscanner.rectify import rectify
from cardscanner_tools.render.cards import ASPECT, render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.scene.stage import Pose, Thing, card_thing, hand, lay

FACE = render_card(catalogue(2, 4)[0], 336)


def table() -> np.ndarray:
    return np.full((400, 500, 3), 90, np.uint8)


def test_a_flat_pose_is_a_rectangle_around_its_centre():
    corners = Pose(200, 100, 88).corners(ASPECT)
    np.testing.assert_allclose(corners, [[168.5, 56], [231.5, 56], [231.5, 144], [168.5, 144]], atol=1e-3)


@given(st.floats(-3.1, 3.1))
def test_a_turn_keeps_size_and_proportions(turn):
    corners = Pose(200, 100, 88, turn).corners(ASPECT)
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    np.testing.assert_allclose(sides, [63, 88, 63, 88], rtol=1e-3)
    assert area(corners) == pytest.approx(63 * 88, rel=1e-3)


def test_a_tilt_makes_the_far_edge_shorter():
    top, _, bottom, _ = np.linalg.norm(
        np.roll(corners := Pose(0, 0, 400, tilt_x=0.5).corners(ASPECT), -1, axis=0) - corners, axis=1
    )
    assert top > bottom * 1.05


@settings(max_examples=25, deadline=None)
@given(
    st.floats(200, 300),
    st.floats(170, 230),
    st.floats(150, 260),
    st.floats(-3.1, 3.1),
    st.floats(-0.4, 0.4),
    st.floats(-0.4, 0.4),
)
def test_a_laid_card_lies_in_its_corners_the_right_way_up(x, y, height, turn, tilt_x, tilt_y):
    view = table()
    thing = card_thing(FACE, Pose(x, y, height, turn, tilt_x, tilt_y))
    lay(view, thing)
    back = rectify(view, thing.corners, 112, 80).astype(float)[8:-8, 6:-6]
    wanted = rectify(FACE, rectify_corners(), 112, 80).astype(float)[8:-8, 6:-6]
    assert np.abs(back - wanted).mean() < 12
    assert np.corrcoef(back.ravel(), wanted.ravel())[0, 1] > 0.9


def rectify_corners() -> np.ndarray:
    height, width = FACE.shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)


def test_only_the_card_and_its_shadow_change_the_table():
    view = table()
    thing = card_thing(FACE, Pose(250, 200, 150))
    lay(view, thing)
    low, high = thing.corners.min(axis=0), thing.corners.max(axis=0)
    outside = np.ones(view.shape[:2], bool)
    outside[int(low[1]) - 9 : int(high[1]) + 11, int(low[0]) - 9 : int(high[0]) + 11] = False
    assert (view[outside] == 90).all()
    assert (view[195:205, 245:255] != 90).any()


@pytest.mark.parametrize("where", [(-900, 200), (250, 5000), (-30, -50), (500, 400)])
def test_a_card_outside_or_half_outside_is_no_error(where):
    view = table()
    lay(view, card_thing(FACE, Pose(*where, 150)))
    assert view.shape == (400, 500, 3)
    assert (view != 90).any() == (where in {(-30, -50), (500, 400)})


def test_a_hole_in_the_mask_shows_the_table():
    mask = np.full((100, 100), 255, np.uint8)
    mask[30:70, 30:70] = 0
    view = table()
    lay(view, Thing(np.full((100, 100, 3), 255, np.uint8), mask, Pose(250, 200, 200)))
    assert (view[195:205, 245:255] == 90).all()
    assert (view[130:140, 245:255] > 240).all()


def test_a_hand_comes_from_its_direction_and_ends_at_its_tip():
    view = table()
    hand(view, (250.0, 200.0), np.pi / 2, np.array([224.0, 172.0, 140.0]), 40.0)
    touched = (view != 90).any(axis=2)
    assert touched[300:, 200:300].mean() > 0.3
    assert not touched[:150].any()
    assert touched[:, 100].mean() < 0.5


def test_a_hand_far_away_changes_nothing():
    view = table()
    hand(view, (250.0, 99_000.0), np.pi / 2, np.array([224.0, 172.0, 140.0]), 40.0)
    assert (view == 90).all()
