"""What a quad's form tells: a card is 63 x 88 mm, seen by a camera."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.detect.profiles import Sides
from cardscanner.detect.shape import (
    CARD_RATIO,
    camera_features,
    camera_shape,
    form_features,
    outline_features,
)

FOCAL_PX = 1.2 * 1280


def seen(width, height, tilt, turn, distance=5.0):
    """A rectangle before a pinhole camera with the focal length that the finder assumes."""
    flat = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2 * [width, height]
    x, y = (
        flat[:, 0] * np.cos(turn) - flat[:, 1] * np.sin(turn),
        flat[:, 0] * np.sin(turn) + flat[:, 1] * np.cos(turn),
    )
    depth = distance + y * np.sin(tilt)
    points = np.stack([x / depth, y * np.cos(tilt) / depth], axis=1)
    return (points * FOCAL_PX + [639.5, 359.5]).astype(np.float32)


@given(st.floats(0.5, 2), st.floats(0, 0.9), st.floats(0, 6.28))
def test_the_camera_sees_through_the_tilt_of_a_rectangle(ratio, tilt, turn):
    side_ratio, skew, facing = camera_shape(seen(1, ratio, tilt, turn)[None], 1280, 720)
    assert side_ratio[0] == pytest.approx(1 / ratio, rel=0.02)
    assert skew[0] == pytest.approx(0, abs=0.02)
    assert facing[0] == pytest.approx(np.cos(tilt), abs=0.03)


@given(st.floats(0, 6.28), st.floats(0, 0.6))
def test_a_card_has_the_form_of_a_card_however_it_lies(turn, tilt):
    sides = Sides.of(seen(1, CARD_RATIO, tilt, turn)[None])
    features = camera_features(sides, 1280, 720)
    assert features["camera_ratio"][0] < 0.03
    assert features["camera_skew"][0] < 0.03


def test_a_square_is_no_card():
    assert form_features(Sides.of(seen(1, 1, 0, 0.3)[None]))["ratio"][0] == pytest.approx(
        np.log(CARD_RATIO), abs=0.01
    )


def test_cover_is_told_from_the_worst_side_up():
    sides = Sides.of(seen(1, CARD_RATIO, 0, 0)[None])
    features = outline_features(sides, np.array([[0.9, 0.2, 0.7, 0.8]], np.float32))
    assert features["covered_min"][0] == pytest.approx(0.2)
    assert features["covered_2nd"][0] == pytest.approx(0.7)
    assert features["covered_mean"][0] == pytest.approx(0.65)


@given(st.lists(st.floats(-50, 50), min_size=8, max_size=8))
def test_even_a_folded_quad_gives_finite_features(values):
    corners = np.array(values, np.float32).reshape(1, 4, 2)
    sides = Sides.of(corners)
    for features in (form_features(sides), camera_features(sides, 64, 48)):
        assert all(np.isfinite(each).all() for each in features.values())
