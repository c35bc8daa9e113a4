"""Rectifying: the right pixels, averaged over the right area."""

import cv2
import numpy as np
import pytest
from drawn_cards import draw_card
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.rectify import rectify, turned, whole_picture_corners


def smooth_picture(seed: int, height: int, width: int) -> np.ndarray:
    grid = np.random.default_rng(seed).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("size", [(224, 224), (100, 60), (7, 5), (1, 1)])
def test_a_whole_picture_at_its_own_size_comes_back_unchanged(size):
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    np.testing.assert_array_equal(rectify(picture, whole_picture_corners(picture), *size), picture)


@pytest.mark.parametrize("times", [2, 3, 5, 8])
def test_a_whole_multiple_is_the_mean_of_its_blocks(times):
    """Smooth pictures: sampling between pixels and averaging pixels agree there."""
    picture = smooth_picture(2, 40 * times, 30 * times)
    crop = rectify(picture, whole_picture_corners(picture), 40, 30).astype(float)
    blocks = picture.reshape(40, times, 30, times, 3).mean(axis=(1, 3))
    assert np.abs(crop - blocks).max() <= 1.5


def test_an_integer_shift_is_a_crop():
    picture = np.random.default_rng(3).integers(0, 256, (90, 80, 3), dtype=np.uint8)
    corners = np.array([[9.5, 19.5], [59.5, 19.5], [59.5, 79.5], [9.5, 79.5]], np.float32)
    np.testing.assert_array_equal(rectify(picture, corners, 60, 50), picture[20:80, 10:60])


@pytest.mark.parametrize("turns", range(4))
def test_the_first_corner_becomes_the_top_left(turns):
    picture = np.random.default_rng(4).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    corners = np.roll(whole_picture_corners(picture), -turns, axis=0)
    np.testing.assert_array_equal(rectify(picture, corners, 64, 64), np.rot90(picture, turns))


COORDINATE = st.floats(-0.35, 0.35)


@settings(max_examples=60, deadline=None)
@given(
    shift=st.lists(COORDINATE, min_size=8, max_size=8),
    size_px=st.floats(120, 420),
    turn=st.floats(0, 6.28),
    card=st.integers(0, 5),
)
def test_a_card_seen_through_a_known_homography_comes_back(shift, size_px, turn, card):
    face = cv2.GaussianBlur(draw_card(card, 440, 315), (0, 0), 3)
    unit = np.array([[-0.36, -0.5], [0.36, -0.5], [0.36, 0.5], [-0.36, 0.5]]) + 0.3 * np.reshape(
        shift, (4, 2)
    )
    cos, sin = np.cos(turn), np.sin(turn)
    quad = (unit @ np.array([[cos, sin], [-sin, cos]]) * size_px + 400).astype(np.float32)
    transform = cv2.getPerspectiveTransform(whole_picture_corners(face), quad)
    scene = cv2.warpPerspective(
        face, transform, (800, 800), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    wanted = cv2.resize(face, (80, 112), interpolation=cv2.INTER_AREA)
    got = rectify(scene, quad, 112, 80)
    assert np.abs(got.astype(int) - wanted).mean() < 4


@pytest.mark.parametrize(
    ("side", "shift"),
    [(600, 0.0), (600, 0.5), (1792, 0.5), (2400, 0.0), (3584, 0.5), (3584, 1.0), (5376, 0.5)],
)
def test_a_fine_checkerboard_much_larger_than_the_crop_becomes_flat_grey(side, shift):
    row = (np.arange(side + 1) % 2 * 255).astype(np.uint8)
    board = np.stack([row[:-1], row[1:]] * (side // 2))[..., None].repeat(3, axis=2)
    corners = (
        whole_picture_corners(board) + np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32) * shift
    )
    crop = rectify(board, corners)
    assert abs(crop.mean() - 127.5) < 2
    assert crop.std() < 6


@pytest.mark.parametrize("side", [1792, 1793, 3600, 5000])
def test_a_very_large_card_is_the_same_card_as_a_large_one(side):
    small = smooth_picture(5, 224, 224)
    large = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
    crop = rectify(large, whole_picture_corners(large))
    assert np.abs(crop.astype(int) - small).max() <= 3


@pytest.mark.parametrize("times", [8, 10, 17, 24])
def test_a_very_large_card_is_not_shifted(times):
    """An edge in the middle of an output pixel leaves that pixel half grey, in both directions."""
    side = 60 * times
    picture = np.zeros((side, side, 3), np.uint8)
    picture[:, side // 2 + times // 2 :, 0] = 200
    picture[side // 2 + times // 2 :, :, 1] = 200
    crop = rectify(picture, whole_picture_corners(picture), 60, 60)
    half = 200 * (times - times // 2) / times
    assert abs(int(crop[10, 30, 0]) - half) <= 6
    assert abs(int(crop[30, 10, 1]) - half) <= 6
    assert crop[10, [28, 32], 0].tolist() == [0, 200]


def test_what_lies_outside_repeats_the_border():
    picture = np.zeros((50, 50, 3), np.uint8)
    picture[:, -1] = (10, 200, 30)
    corners = np.array([[59.5, -0.5], [109.5, -0.5], [109.5, 49.5], [59.5, 49.5]], np.float32)
    assert (rectify(picture, corners, 50, 50) == (10, 200, 30)).all()


def test_a_quad_half_outside_keeps_the_inner_half_in_place():
    picture = smooth_picture(6, 100, 100)
    corners = np.array([[-50.5, -0.5], [49.5, -0.5], [49.5, 99.5], [-50.5, 99.5]], np.float32)
    crop = rectify(picture, corners, 100, 100)
    np.testing.assert_array_equal(crop[:, 50:], picture[:, :50])
    np.testing.assert_array_equal(crop[:, :50], picture[:, :1].repeat(50, axis=1))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-3000, 3000, width=32), min_size=8, max_size=8), st.integers(1, 60), st.integers(1, 60)
)
def test_any_quad_gives_a_crop_of_the_asked_size(numbers, height, width):
    """Tiny, folded, crossed, flat, far outside: never a crash, always the shape, never another picture."""
    picture = smooth_picture(7, 61, 47)
    kept = picture.copy()
    corners = np.array(numbers, np.float32).reshape(4, 2)
    crop = rectify(picture, corners, height, width)
    assert crop.shape == (height, width, 3)
    assert crop.dtype == np.uint8
    np.testing.assert_array_equal(picture, kept)
    np.testing.assert_array_equal(corners, np.array(numbers, np.float32).reshape(4, 2))


def test_a_quad_the_size_of_one_pixel_is_that_pixel():
    picture = np.random.default_rng(8).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    corners = np.array([[3.9, 4.9], [4.1, 4.9], [4.1, 5.1], [3.9, 5.1]], np.float32)
    crop = rectify(picture, corners, 8, 8).astype(int)
    assert np.abs(crop - picture[5, 4]).max() <= 40


def test_a_quad_thousands_of_times_larger_than_the_picture_needs_no_memory_for_it():
    picture = np.full((20, 30, 3), 90, np.uint8)
    corners = np.array([[-1e8, -1e8], [1e8, -1e8], [1e8, 1e8], [-1e8, 1e8]], np.float32)
    assert (rectify(picture, corners) == 90).all()


def test_a_single_picture_or_a_view_of_one_can_be_cut():
    picture = np.random.default_rng(9).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    view = picture[::2, ::-1]
    np.testing.assert_array_equal(rectify(view, whole_picture_corners(view), 20, 60), view)


def test_turning_twice_is_doing_nothing_and_once_is_upside_down():
    crops = np.random.default_rng(10).integers(0, 256, (3, 8, 6, 3), dtype=np.uint8)
    kept = crops.copy()
    np.testing.assert_array_equal(turned(turned(crops)), crops)
    np.testing.assert_array_equal(turned(crops)[1], np.rot90(crops[1], 2))
    np.testing.assert_array_equal(crops, kept)
    assert turned(crops).flags.c_contiguous
    assert turned(crops[:0]).shape == (0, 8, 6, 3)


def test_a_turned_crop_is_the_crop_of_the_turned_quad():
    picture = smooth_picture(11, 200, 200)
    corners = np.array([[30, 20], [150, 40], [160, 180], [20, 170]], np.float32)
    upright = rectify(picture, corners, 50, 40)
    other = rectify(picture, np.roll(corners, 2, axis=0), 50, 40)
    assert np.abs(turned(upright[None])[0].astype(int) - other).max() <= 2
