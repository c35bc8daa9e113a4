"""Comparing quads with labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner_tools.finder.truth import Truth, overlaps
from cardscanner_tools.photos.labels import LabelledCard


def box(x, y, width=60.0, height=84.0):
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)


@given(st.integers(0, 3), st.booleans())
def test_a_corner_error_does_not_depend_on_where_the_label_begins(start, backwards):
    label = np.roll(box(0, 0), start, axis=0)
    truth = Truth(label[::-1] if backwards else label)
    assert truth.corner_error(box(3, 4)) == pytest.approx(5 / 60)


def test_only_the_box_around_a_quad_is_compared_with_a_box():
    turned = np.array([[50, 0], [100, 50], [50, 100], [0, 50]], np.float32)
    assert Truth(box(0, 0, 100, 100), box_only=True).overlap(turned) == pytest.approx(1)
    assert Truth(box(0, 0, 100, 100)).overlap(turned) == pytest.approx(0.5)


def test_each_quad_goes_to_the_card_it_fits_best():
    overlap, which = overlaps(
        np.array([box(2, 0), box(100, 0), box(500, 0)]), [Truth(box(99, 0)), Truth(box(0, 0))]
    )
    assert which.tolist() == [1, 0, -1]
    assert overlap[2] == 0
    assert (overlap[:2] > 0.9).all()


def test_without_quads_or_without_cards_nothing_overlaps():
    assert overlaps(np.zeros((0, 4, 2), np.float32), [Truth(box(0, 0))])[0].shape == (0,)
    assert overlaps(np.array([box(0, 0)]), [])[1].tolist() == [-1]


def test_a_hand_drawn_outline_is_preferred():
    card = LabelledCard("i", box(0, 0), True, "unknown", frozenset(), frozenset(), "en", (), True, box(1, 1))
    np.testing.assert_array_equal(Truth.of_label(card).corners, box(1, 1))
