"""Outlines that are a little wrong are moved to where the card lies."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verify_cards import face

from cardscanner.verify.blocks import FINE, agreement, block_statistics, surfaces, window
from cardscanner.verify.settle import settled
from cardscanner.verify.stored import HEIGHT_PX, WIDTH_PX, grey
from cardscanner.verify.view import UNIT, look_at

TABLE = 90


def _laid(number: int, quad: np.ndarray, size=(720, 900)) -> np.ndarray:
    """A picture with a card at four corners."""
    card = face(number)
    height, width = card.shape[:2]
    edge = np.float32([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])
    there = cv2.getPerspectiveTransform(edge, quad.astype(np.float32))
    picture = np.full((*size, 3), TABLE, np.uint8)
    return cv2.warpPerspective(card, there, size[::-1], picture, borderMode=cv2.BORDER_TRANSPARENT)


def _half(number: int) -> np.ndarray:
    size = (WIDTH_PX // 2, HEIGHT_PX // 2)
    return np.asarray(cv2.resize(grey(face(number)), size, interpolation=cv2.INTER_AREA))


offsets = st.lists(st.floats(-1, 1), min_size=8, max_size=8)


@given(number=st.integers(0, 9), tilt=offsets, wrong=offsets)
@settings(max_examples=15, deadline=None)
def test_a_known_small_homography_is_recovered(number, tilt, wrong):
    """Corners that are wrong by up to 4 % of the width come back within two per cent; most within a half."""
    quad = np.array([[250, 100], [550, 100], [550, 519], [250, 519]], np.float64)
    quad += 25 * np.array(tilt).reshape(4, 2)
    given_corners = quad + 9 * np.array(wrong).reshape(4, 2)
    picture = _laid(number, quad)
    outline = settled(look_at(picture, given_corners.astype(np.float32)), _half(number))
    to_picture = cv2.getPerspectiveTransform(UNIT.astype(np.float32), given_corners.astype(np.float32))
    found = cv2.perspectiveTransform(outline[None].astype(np.float32), to_picture)[0]
    assert np.linalg.norm(found - quad, axis=1).max() <= 0.02 * 300


def test_a_right_outline_stays_where_it_is():
    quad = np.array([[250, 100], [550, 100], [550, 519], [250, 519]], np.float64)
    outline = settled(look_at(_laid(3, quad), quad.astype(np.float32)), _half(3))
    assert np.abs(outline - UNIT).max() < 0.005


def test_where_nothing_is_to_be_seen_the_outline_stays_as_it_was():
    flat = np.full((400, 400, 3), 77, np.uint8)
    quad = np.array([[100, 50], [300, 50], [300, 330], [100, 330]], np.float32)
    assert np.abs(settled(look_at(flat, quad), _half(0)) - UNIT).max() < 1e-6


def test_a_card_at_the_edge_of_the_picture_is_looked_at_as_far_as_it_shows():
    quad = np.array([[-40, -30], [240, -30], [240, 362], [-40, 362]], np.float64)
    view = look_at(_laid(1, quad, (300, 400)), quad.astype(np.float32))
    assert [each.shape for each in view.sizes] == [(420, 300), (210, 150), (105, 75)]
    assert view.card_px == pytest.approx(280, abs=2)


def test_both_ways_of_comparing_blocks_give_the_same_numbers():
    one = _half(1)
    seen = cv2.copyMakeBorder(cv2.GaussianBlur(one, (0, 0), 1.0), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    fast, slow = agreement(one, window(seen, FINE)), surfaces(one, seen, FINE).max(axis=(1, 2))
    textured = block_statistics(one, FINE)[1] > 5
    assert np.abs(fast - slow)[textured].max() < 0.02


def test_light_and_contrast_do_not_change_how_well_blocks_agree():
    one = _half(2)
    seen = cv2.copyMakeBorder(one, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    dim = (seen * 0.5 + 30).astype(np.uint8)
    textured = block_statistics(one, FINE)[1] > 5
    assert (
        np.abs(agreement(one, window(seen, FINE)) - agreement(one, window(dim, FINE)))[textured].max() < 0.05
    )
