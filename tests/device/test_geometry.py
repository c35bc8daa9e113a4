"""Areas and overlaps against masks of pixels, and where quads nearly coincide."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.geometry import area, covered, iou, overlap

SIDE, FINE = 160, 3
"""Quads live in SIDE x SIDE; masks have FINE x FINE samples a unit."""


def mask(corners: np.ndarray) -> np.ndarray:
    """Inside or not, tested edge by edge at sample points: nothing shared with the module."""
    ticks = (np.arange(SIDE * FINE) + 0.5) / FINE
    x, y = np.meshgrid(ticks, ticks)
    sides = []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        sides.append((end[0] - start[0]) * (y - start[1]) - (end[1] - start[1]) * (x - start[0]))
    stack = np.stack(sides)
    return (stack >= 0).all(axis=0) | (stack <= 0).all(axis=0)


@st.composite
def quads(draw) -> np.ndarray:
    """Convex quads inside the square: four points of an ellipse, in either direction."""
    gaps = np.array(draw(st.lists(st.floats(0.7, 1.6), min_size=4, max_size=4)))
    angles = draw(st.floats(0, 6.28)) + np.cumsum(gaps / gaps.sum() * 2 * np.pi)
    radius = np.array([draw(st.floats(8, 70)), draw(st.floats(8, 70))])
    where = np.array([draw(st.floats(0, 1)), draw(st.floats(0, 1))])
    centre = radius + where * (SIDE - 2 * radius)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius + centre
    return (points[::-1] if draw(st.booleans()) else points).astype(np.float32)


@settings(max_examples=80, deadline=None)
@given(quads(), quads())
def test_area_and_overlap_are_those_of_the_masks(first, second):
    one, two = mask(first), mask(second)
    edge = 4 * SIDE / FINE  # what samples along the outline can get wrong
    assert area(first) == pytest.approx(one.sum() / FINE**2, abs=edge)
    shared = (one & two).sum() / FINE**2
    assert overlap(first, second) == pytest.approx(shared, abs=edge)
    either = (one | two).sum() / FINE**2
    assert iou(first, second) == pytest.approx(shared / max(either, 1e-9), abs=4 * edge / max(either, 1))


@settings(max_examples=200, deadline=None)
@given(quads(), quads(), st.integers(0, 3))
def test_order_direction_and_first_corner_do_not_matter(first, second, start):
    value = overlap(first, second)
    slack = 1e-3 * max(area(first), area(second))
    assert overlap(second, first) == pytest.approx(value, abs=slack)
    assert overlap(first, np.roll(second, start, axis=0)) == pytest.approx(value, abs=slack)
    assert overlap(first[::-1], second) == pytest.approx(value, abs=slack)
    assert 0 <= iou(first, second) <= 1
    assert iou(first, second) <= covered(first, second) <= 1


@settings(max_examples=300, deadline=None)
@given(quads(), st.floats(-7, -1.5), st.lists(st.floats(-1, 1), min_size=8, max_size=8), st.floats(0, 4000))
def test_a_quad_that_hardly_moved_overlaps_itself_almost_wholly(corners, power, moves, away):
    """A card at rest: its outline differs by a hair from frame to frame, and must stay one card."""
    first = (corners + away).astype(np.float32)
    second = (first + 10**power * np.reshape(moves, (4, 2))).astype(np.float32)
    assert iou(first, second) > 0.98


@given(quads())
def test_a_quad_overlaps_itself_wholly(corners):
    assert iou(corners, corners) == pytest.approx(1.0, abs=1e-4)
    assert covered(corners, corners) == pytest.approx(1.0, abs=1e-4)


def square(left: float, top: float, side: float) -> np.ndarray:
    return np.array(
        [[left, top], [left + side, top], [left + side, top + side], [left, top + side]], np.float32
    )


@pytest.mark.parametrize(
    ("second", "wanted"),
    [
        (square(5, 0, 10), 50.0),
        (square(10, 0, 10), 0.0),
        (square(10, 10, 10), 0.0),
        (square(20, 0, 10), 0.0),
        (square(2, 2, 5), 25.0),
        (square(-5, -5, 30), 100.0),
        (square(0, 0, 5), 25.0),
        (np.array([[5, -5], [15, 5], [5, 15], [-5, 5]], np.float32), 100.0),
    ],
    ids=[
        "half",
        "edge to edge",
        "corner to corner",
        "apart",
        "inside",
        "around",
        "shared corner",
        "diamond around",
    ],
)
def test_plain_cases_have_plain_answers(second, wanted):
    first = square(0, 0, 10)
    assert overlap(first, second) == pytest.approx(wanted, abs=1e-6)
    assert iou(first, second) == pytest.approx(wanted / (100 + area(second) - wanted), abs=1e-6)


def test_one_inside_the_other_is_covered_wholly_though_the_iou_is_small():
    assert covered(square(0, 0, 100), square(40, 40, 10)) == pytest.approx(1.0)
    assert iou(square(0, 0, 100), square(40, 40, 10)) == pytest.approx(0.01)


def test_a_line_or_a_point_has_no_area_and_overlaps_nothing():
    line = np.array([[0, 0], [10, 0], [10, 0], [0, 0]], np.float32)
    point = np.zeros((4, 2), np.float32)
    for flat in (line, point):
        assert area(flat) == 0
        assert overlap(flat, square(0, 0, 10)) == 0
        assert overlap(square(0, 0, 10), flat) == 0
        assert iou(flat, flat) == 0


def test_areas_are_those_of_opencv_for_turned_rectangles():
    box = cv2.boxPoints(((100.0, 80.0), (60.0, 40.0), 33.0)).astype(np.float32)
    assert area(box) == pytest.approx(2400, rel=1e-5)
