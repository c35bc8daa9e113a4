"""Reading corner maps that were made by hand."""

import numpy as np
import pytest

from cardscanner.detect.corner_maps import (
    CHANNELS,
    CORNER,
    LYING,
    LYING_CORNERS,
    MIDDLE,
    OFFSET,
    REACH_PX,
    STANDING_CORNERS,
    cell_centres,
    read_quads,
)

CARD = np.array([[60, 40], [123, 40], [123, 128], [60, 128]], np.float32)
LEFT_FIRST = np.array([[40, 123], [40, 60], [128, 60], [128, 123]], np.float32)


def maps_of(outline: np.ndarray, channels: slice = STANDING_CORNERS) -> np.ndarray:
    """Every cell knows the corners of one card; the middle is only seen in the middle."""
    maps = np.zeros((24, 32, CHANNELS), np.float32)
    maps[..., [MIDDLE, CORNER]] = -8
    centres = cell_centres(24, 32)
    maps[..., channels] = ((outline - centres[:, :, None]) / REACH_PX).reshape(24, 32, 8)
    row, column = np.round((outline.mean(axis=0)[::-1] - 3.5) / 8).astype(int)
    maps[row, column, MIDDLE] = 3
    maps[..., LYING] = 5 if channels == LYING_CORNERS else -5
    return maps


@pytest.mark.parametrize(("outline", "channels"), [(CARD, STANDING_CORNERS), (LEFT_FIRST, LYING_CORNERS)])
def test_the_convention_that_the_network_names_is_read(outline, channels):
    quads, confidence = read_quads(maps_of(outline, channels), 0.5, 10)
    assert np.allclose(quads, outline, atol=1e-2)
    assert confidence == pytest.approx([1 / (1 + np.exp(-3))])


def test_a_corner_is_believed_where_it_is_seen_best():
    maps = maps_of(CARD)
    maps[10, 11, STANDING_CORNERS] += 0.2  # the middle is 13 pixels off
    quads, _ = read_quads(maps, 0.5, 10)
    assert np.allclose(quads, CARD, atol=1e-2)


def test_a_clear_corner_point_close_by_takes_the_corners_place():
    maps = maps_of(CARD + 2.0)
    maps[5, 7, CORNER] = 4
    maps[5, 7, OFFSET] = (CARD[0] - cell_centres(24, 32)[5, 7]) / 8
    quads, _ = read_quads(maps, 0.5, 10)
    assert np.allclose(quads[0][0], CARD[0], atol=1e-2)
    assert np.allclose(quads[0][1:], CARD[1:] + 2, atol=1e-2)


def test_a_corner_point_far_away_is_another_cards():
    maps = maps_of(CARD)
    maps[5, 10, CORNER] = 4
    quads, _ = read_quads(maps, 0.5, 10)
    assert np.allclose(quads, CARD, atol=1e-2)


def test_maps_without_a_middle_have_no_outlines():
    maps = maps_of(CARD)
    maps[..., MIDDLE] = -3
    quads, confidence = read_quads(maps, 0.5, 10)
    assert quads.shape == (0, 4, 2)
    assert confidence.shape == (0,)


def test_the_surest_come_first_and_no_more_than_wanted():
    maps = maps_of(CARD)
    maps[3, 3, MIDDLE] = 5
    maps[20, 28, MIDDLE] = 1
    _, confidence = read_quads(maps, 0.5, 2)
    assert len(confidence) == 2
    assert confidence[0] > confidence[1]


def test_nonsense_that_is_no_convex_outline_is_dropped():
    crossed = CARD[[0, 2, 1, 3]]
    assert len(read_quads(maps_of(crossed), 0.5, 10)[0]) == 0
