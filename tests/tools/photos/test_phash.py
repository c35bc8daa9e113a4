"""Perceptual hashes: near for the same picture, far for others."""

import cv2
import numpy as np
import pytest
from drawn_cards import draw_card

from cardscanner.rectify import turned
from cardscanner_tools.photos.phash import phash

CROPS = np.stack([cv2.resize(draw_card(number, 224, 160), (224, 224)) for number in range(12)])


@pytest.mark.parametrize("side", [8, 16])
def test_hashes_are_unit_vectors_of_two_values(side):
    hashes = phash(CROPS, side)
    assert hashes.shape == (12, side * side)
    assert hashes.dtype == np.float32
    assert set(np.unique(hashes)) == {np.float32(-1 / side), np.float32(1 / side)}
    np.testing.assert_allclose(np.linalg.norm(hashes, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose((hashes > 0).mean(axis=1), 0.5, atol=0.02)


def test_a_dot_product_counts_the_bits_that_differ():
    one, other = phash(CROPS[:2], 8)
    differing = ((one > 0) != (other > 0)).mean()
    assert one @ other == pytest.approx(1 - 2 * differing, abs=1e-6)


@pytest.mark.parametrize("side", [8, 16])
def test_brightness_contrast_size_and_a_little_blur_change_little(side):
    plain = phash(CROPS, side)
    for changed in (
        np.clip(CROPS.astype(int) * 0.7 + 20, 0, 255).astype(np.uint8),
        np.stack([cv2.resize(crop, (500, 300)) for crop in CROPS]),
        np.stack([cv2.GaussianBlur(crop, (0, 0), 1.5) for crop in CROPS]),
    ):
        own = (plain * phash(changed, side)).sum(axis=1)
        assert own.min() > 0.75
        assert (np.argmax(plain @ phash(changed, side).T, axis=1) == np.arange(12)).all()


@pytest.mark.parametrize("side", [8, 16])
def test_other_cards_and_upside_down_ones_are_far(side):
    hashes = phash(CROPS, side)
    others = (hashes @ hashes.T)[~np.eye(12, dtype=bool)]
    assert others.max() < 0.75
    assert np.median((hashes * phash(turned(CROPS), side)).sum(axis=1)) < 0.6


def test_no_crops_are_no_hashes_and_a_flat_crop_is_one():
    assert phash(CROPS[:0], 8).shape == (0, 64)
    flat = phash(np.full((1, 50, 50, 3), 128, np.uint8), 8)
    assert np.linalg.norm(flat) == pytest.approx(1)
