"""Illustrations: the same from the same seed, as different as possible from different ones."""

import hashlib

import numpy as np
import pytest

from cardscanner_tools.render.art import BACKDROPS, noise_field, paint_art
from cardscanner_tools.render.palette import scheme
from cardscanner_tools.render.subjects import SUBJECTS, blob


def digest(picture: np.ndarray) -> str:
    return hashlib.sha256(picture.tobytes()).hexdigest()


def test_one_seed_is_one_picture_and_other_seeds_are_others():
    first = [digest(paint_art(np.random.default_rng(seed), 60, 90)) for seed in range(30)]
    again = [digest(paint_art(np.random.default_rng(seed), 60, 90)) for seed in range(30)]
    assert first == again
    assert len(set(first)) == 30


@pytest.mark.parametrize("size", [(150, 210), (40, 300), (300, 40), (12, 12), (1, 1)])
def test_art_has_the_asked_size_and_type_for_every_seed(size):
    for seed in range(25):
        art = paint_art(np.random.default_rng([7, seed]), *size)
        assert art.shape == (*size, 3)
        assert art.dtype == np.uint8
        assert art.flags.c_contiguous


def test_pictures_look_different_and_not_only_differ_in_a_bit():
    small = [paint_art(np.random.default_rng(seed), 64, 64)[::8, ::8].astype(float) for seed in range(24)]
    apart = [np.abs(one - other).mean() for number, one in enumerate(small) for other in small[:number]]
    assert np.median(apart) > 30
    assert min(apart) > 5


def test_free_pictures_are_borrowed_and_never_changed():
    stripes = np.zeros((120, 200, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 255)
    kept = stripes.copy()
    for seed in range(40):
        art = paint_art(np.random.default_rng(seed), 80, 110, [stripes, stripes[:30, :40]], picture_share=1.0)
        assert art.shape == (80, 110, 3)
    np.testing.assert_array_equal(stripes, kept)


@pytest.mark.parametrize("side", [9, 30, 2000])
def test_borrowed_pictures_may_be_smaller_or_larger_than_the_art(side):
    source = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    for seed in range(12):
        assert paint_art(np.random.default_rng(seed), 50, 70, [source], 1.0).shape == (50, 70, 3)


@pytest.mark.parametrize("backdrop", sorted(set(BACKDROPS), key=lambda each: each.__name__))
def test_every_backdrop_fills_the_picture_with_more_than_one_colour(backdrop):
    varied = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        picture = backdrop(rng, 50, 70, scheme(rng))
        assert picture.shape == (50, 70, 3)
        assert picture.dtype == np.uint8
        varied += len(np.unique(picture.reshape(-1, 3), axis=0)) > 1
    assert varied >= 5


@pytest.mark.parametrize("subject", sorted(set(SUBJECTS), key=lambda each: each.__name__))
def test_every_subject_draws_something_in_place(subject):
    changed = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        art = np.full((80, 110, 3), 128, np.uint8)
        subject(rng, art, scheme(rng))
        changed += (art != 128).any(axis=2).mean() > 0.005
    assert changed >= 6


def test_noise_spans_zero_to_one():
    field = noise_field(np.random.default_rng(2), 40, 30)
    assert field.shape == (40, 30)
    assert field.dtype == np.float32
    assert (field.min(), field.max()) == (0.0, 1.0)


def test_a_blob_is_a_closed_outline_around_its_centre():
    outline = blob(np.random.default_rng(3), (100.0, 80.0), 30.0, 0.2)
    assert outline.shape == (72, 1, 2)
    assert np.abs(outline.mean(axis=(0, 1)) - [100, 80]).max() < 10
