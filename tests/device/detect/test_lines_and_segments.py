"""From pixels to lines: straight runs of edge, joined across gaps."""

import cv2
import numpy as np
import pytest

from cardscanner.detect.field import gradient_field
from cardscanner.detect.lines import join_segments
from cardscanner.detect.pyramid import Pyramid
from cardscanner.detect.segments import straight_segments


def bar(start, end, size=(300, 400)):
    """A white half plane whose border runs from start to end, on black elsewhere: one step edge."""
    view = np.zeros((*size, 3), np.uint8)
    along = np.subtract(end, start) / np.linalg.norm(np.subtract(end, start))
    side = np.array([along[1], -along[0]]) * 60
    shape = np.array([start, end, end + side, start + side])
    cv2.fillConvexPoly(view, np.round(shape * 16).astype(np.int32), (255, 255, 255), cv2.LINE_AA, 4)
    return view


@pytest.mark.parametrize("degrees", [0, 17, 45, 88, 90, 133])
def test_a_straight_edge_is_one_segment_in_its_place(degrees):
    along = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    start = np.array([200.0, 150.0]) - 60 * along
    field = gradient_field(Pyramid(bar(start, start + 120 * along)), 400)
    segments = straight_segments(field, 40)
    off = np.array([along[1], -along[0]])
    near = [max(abs((segment[:2] - start) @ off), abs((segment[2:] - start) @ off)) for segment in segments]
    best = segments[int(np.argmin(near))]
    assert min(near) < 1.1
    assert np.hypot(*(best[2:] - best[:2])) == pytest.approx(120, abs=8)


def test_segments_come_longest_first_and_none_is_shorter_than_asked():
    view = np.zeros((300, 400, 3), np.uint8)
    view[50:250, 60:350] = 200
    view[100:130, 100:140] = 90
    segments = straight_segments(gradient_field(Pyramid(view), 400), 25)
    length = np.hypot(*(segments[:, 2:] - segments[:, :2]).T)
    assert len(length) >= 6
    assert (np.diff(length) < 0.01).all()
    assert length.min() >= 25


def test_an_even_picture_has_no_segments():
    assert straight_segments(gradient_field(Pyramid(np.full((90, 120, 3), 77, np.uint8)), 400)).shape == (
        0,
        4,
    )


def test_an_edge_between_two_colours_of_equal_brightness_is_seen():
    view = np.zeros((200, 200, 3), np.uint8)
    view[:, :100] = (150, 60, 60)
    view[:, 100:] = (60, 124, 60)
    grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
    assert abs(int(grey[0, 0]) - int(grey[0, 150])) < 12
    segments = straight_segments(gradient_field(Pyramid(view), 400), 150)
    assert abs(segments[0, [0, 2]] - 99.5).max() < 1


def test_pieces_of_one_side_become_one_line_across_a_gap():
    pieces = np.array([[10, 50, 60, 50.4], [75, 50.5, 140, 51], [10, 90, 60, 90]], np.float32)
    lines = join_segments(pieces, 20)
    longest = lines.take(np.flatnonzero(lines.length > 120))
    assert len(longest) == 1
    assert longest.length[0] == pytest.approx(130, abs=2)
    assert 113 < longest.covered[0] <= longest.length[0] + 0.01


def test_parallel_lines_beside_each_other_are_not_joined():
    pieces = np.array([[10, 50, 110, 50], [120, 56, 220, 56]], np.float32)
    assert join_segments(pieces, 20).length.max() == pytest.approx(100, abs=1)
