"""A picture and its halves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.detect.pyramid import Pyramid


def noise(height, width):
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), np.uint8)


def test_each_level_is_the_mean_of_two_by_two_of_the_one_before():
    picture = noise(40, 60)
    half = Pyramid(picture).level(1)
    mean = picture.reshape(20, 2, 30, 2, 3).astype(float).mean(axis=(1, 3))
    assert half.shape == (20, 30, 3)
    assert np.abs(half - mean).max() <= 0.5


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 9), st.integers(1, 200))
def test_no_size_is_too_small_for_any_level_or_scale(height, width, number, side):
    pyramid = Pyramid(noise(height, width))
    assert min(pyramid.level(number).shape[:2]) >= 1
    small, scale = pyramid.reduced(side)
    assert 0 < scale <= 1
    assert max(small.shape[:2]) <= max(side, 1) if scale < 1 else small.shape == (height, width, 3)


def test_a_reduced_picture_keeps_its_form_and_its_mean():
    picture = noise(720, 1280)
    small, scale = Pyramid(picture).reduced(426)
    assert small.shape == (240, 426, 3)
    assert scale == pytest.approx(426 / 1280)
    np.testing.assert_allclose(small.mean(axis=(0, 1)), picture.mean(axis=(0, 1)), atol=1)
