"""Colours stay colours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner_tools.render.palette import hsv, ramp, scheme, shade

CHANNEL = st.integers(0, 255)


@given(st.floats(-3, 3), st.floats(-1, 2), st.floats(-1, 2))
def test_any_hue_saturation_and_value_is_a_colour(hue, saturation, value):
    assert all(isinstance(channel, int) and 0 <= channel <= 255 for channel in hsv(hue, saturation, value))


def test_plain_hues_are_the_plain_colours():
    assert hsv(0, 1, 1) == hsv(1, 1, 1) == (255, 0, 0)
    assert hsv(1 / 3, 1, 1) == (0, 255, 0)
    assert hsv(0.7, 0, 0.2) == (51, 51, 51)


@given(st.tuples(CHANNEL, CHANNEL, CHANNEL), st.floats(0, 5))
def test_shading_goes_towards_black_or_white_and_never_beyond(colour, factor):
    shaded = shade(colour, factor)
    for before, after in zip(colour, shaded, strict=True):
        assert 0 <= after <= 255
        assert after <= before if factor <= 1 else after >= before


def test_a_scheme_has_as_many_colours_as_asked():
    for size in (1, 2, 6):
        assert len(scheme(np.random.default_rng(1), size)) == size


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_ramp_runs_through_its_colours_in_order(kind):
    colours = [(0, 0, 0), (100, 200, 50), (255, 255, 255)]
    field = np.array([[0.0, 0.5, 1.0], [-4.0, 9.0, 0.25]], kind)
    painted = ramp(colours, field).astype(int)
    assert painted.shape == (2, 3, 3)
    assert (
        np.abs(painted - [[[0, 0, 0], [100, 200, 50], [255] * 3], [[0] * 3, [255] * 3, [50, 100, 25]]]).max()
        <= 2
    )
