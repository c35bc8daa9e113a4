"""The order of corners: a short side of the card first, the upper one, clockwise."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.detect.portrait import portrait_corners
from cardscanner_tools.scene.stage import Pose

POSES = st.builds(
    Pose,
    x=st.floats(300, 900),
    y=st.floats(200, 500),
    height_px=st.floats(60, 500),
    turn=st.floats(0, 6.28),
    tilt_x=st.floats(-0.4, 0.4),
    tilt_y=st.floats(-0.4, 0.4),
)


@given(POSES, st.integers(0, 3))
def test_the_first_side_is_a_short_side_of_the_card_wherever_the_corners_began(pose, start):
    corners = pose.corners(63 / 88)
    ordered = portrait_corners(np.roll(corners, start, axis=0), 1280, 720)
    ways = [np.abs(ordered - np.roll(corners, turn, axis=0)).max() for turn in (0, 2)]
    assert min(ways) < 1e-3


@given(POSES)
def test_of_the_two_short_sides_the_upper_one_comes_first(pose):
    ordered = portrait_corners(pose.corners(63 / 88), 1280, 720)
    assert ordered[:2, 1].sum() <= ordered[2:, 1].sum()
