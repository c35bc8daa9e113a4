"""Where more cards should lie."""

import numpy as np
from drawn_tables import page
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.detect.neighbours import neighbour_quads


def quads(rows, columns, turn=0.0, height_px=120):
    return np.array([pose.corners(63 / 88) for pose in page(rows, columns, height_px, (640, 360), turn)])


@given(st.integers(0, 8), st.floats(-0.3, 0.3))
def test_the_missing_card_of_a_page_is_expected_in_its_place(missing, turn):
    every = quads(3, 3, turn)
    expected = neighbour_quads(np.delete(every, missing, axis=0), 1280, 720)
    apart = np.abs(expected - every[missing]).max(axis=(1, 2))
    assert apart.min() < 2


def test_a_place_is_expected_once_and_none_where_a_card_lies():
    every = quads(2, 3)
    middle = neighbour_quads(every, 1280, 720).mean(axis=1)
    apart = np.linalg.norm(middle[:, None] - middle[None], axis=2) + 1000 * np.eye(len(middle))
    assert apart.min() > 40
    assert np.linalg.norm(middle[:, None] - every.mean(axis=1)[None], axis=2).min() > 40


def test_one_card_alone_promises_nothing():
    assert neighbour_quads(quads(1, 1), 1280, 720).shape == (0, 4, 2)
    assert neighbour_quads(np.zeros((0, 4, 2), np.float32), 1280, 720).shape == (0, 4, 2)


def test_nothing_is_expected_outside_the_picture():
    expected = neighbour_quads(quads(3, 6, height_px=220), 1280, 720)
    middle = expected.mean(axis=1)
    assert ((middle > 0) & (middle < [1279, 719])).all()
