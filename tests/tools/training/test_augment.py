"""Augmentations of finished crops: what they may change, how much, and that a seed decides it all."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.errors import InputError
from cardscanner_tools.training.augment import (
    NEUTRAL,
    NO_AUGMENTATION,
    AugmentSettings,
    apply,
    cutmix,
    erase,
    grid,
    jitter_colour,
    mask_grid,
    parse_settings,
    rectangle,
    rotate,
)

CHANCES = ("flip_horizontal", "flip_vertical", "colour", "rotation", "erasing", "gridmask", "glare")
ALWAYS = AugmentSettings(**dict.fromkeys(CHANCES, 1.0), cutmix=1.0)
seeds = st.integers(0, 2**32)
sides = st.integers(24, 96)


def draw(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return draw(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def only(name: str, **strengths) -> AugmentSettings:
    return NO_AUGMENTATION.model_copy(update={name: 1.0, **strengths})


@settings(max_examples=40, deadline=None)
@given(seed=seeds, height=sides, width=sides)
def test_shape_and_type_stay_and_the_given_crop_is_left_alone(seed, height, width):
    crop = noise(seed, height, width)
    before = crop.copy()
    changed = apply(draw(seed), crop, ALWAYS)
    assert changed.shape == crop.shape
    assert changed.dtype == np.uint8
    assert changed.flags.c_contiguous
    assert np.array_equal(crop, before)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, name=st.sampled_from(CHANCES))
def test_the_seed_alone_decides_what_happens(seed, name):
    crop = noise(seed, 40, 32)
    chosen = only(name)
    assert np.array_equal(apply(draw(seed), crop, chosen), apply(draw(seed), crop, chosen))
    again = apply(draw(seed), crop, AugmentSettings())
    assert np.array_equal(again, apply(draw(seed), crop, AugmentSettings()))


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_without_any_chance_nothing_happens(seed):
    crop = noise(seed, 30, 30)
    assert np.array_equal(apply(draw(seed), crop, NO_AUGMENTATION), crop)


@pytest.mark.parametrize("name", CHANCES)
def test_each_change_changes_the_picture(name):
    crop = noise(3, 64, 48)
    assert not np.array_equal(apply(draw(1), crop, only(name)), crop)


def test_flips_are_off_by_default_and_do_what_their_names_say():
    assert AugmentSettings().flip_horizontal == AugmentSettings().flip_vertical == 0
    crop = noise(1, 20, 30)
    assert np.array_equal(apply(draw(1), crop, only("flip_horizontal")), crop[:, ::-1])
    assert np.array_equal(apply(draw(1), crop, only("flip_vertical")), crop[::-1])


@settings(max_examples=100, deadline=None)
@given(seed=seeds, height=sides, width=sides, low=st.floats(0.01, 0.4), more=st.floats(0, 0.5))
def test_the_erased_rectangle_lies_in_the_picture_and_has_the_asked_area(seed, height, width, low, more):
    chosen = only("erasing", erasing_area=(low, low + more))
    top, left, tall, wide = rectangle(draw(seed), height, width, chosen)
    assert 0 <= top <= top + tall <= height
    assert 0 <= left <= left + wide <= width
    # Both sides are whole pixels: the area may be off by half a row and half a column.
    slack = (tall + wide + 1) / 2
    assert low * height * width - slack <= tall * wide <= (low + more) * height * width + slack


@settings(max_examples=50, deadline=None)
@given(seed=seeds)
def test_erasing_changes_only_its_rectangle(seed):
    crop = noise(seed, 50, 40)
    top, left, tall, wide = rectangle(draw(seed), 50, 40, AugmentSettings())
    changed = erase(draw(seed), crop, AugmentSettings())
    touched = (changed != crop).any(axis=2)
    assert touched.sum() > 0.5 * tall * wide
    touched[top : top + tall, left : left + wide] = False
    assert not touched.any()


@settings(max_examples=100, deadline=None)
@given(seed=seeds, height=sides, width=sides, period=st.floats(0.1, 0.9), kept=st.floats(0.1, 0.9))
def test_the_grid_hides_whole_squares_and_no_more_than_its_share(seed, height, width, period, kept):
    chosen = only("gridmask", gridmask_period=(period, period), gridmask_kept=kept)
    hidden = grid(draw(seed), height, width, chosen)
    step = max(2, round(period * min(height, width)))
    square = max(1, round(step * (1 - kept)))
    for side, count in ((height, hidden.any(axis=1).sum()), (width, hidden.any(axis=0).sum())):
        assert side // step * square <= count <= math.ceil(side / step) * square


def test_what_the_grid_hides_is_grey_and_the_rest_is_untouched():
    crop = np.full((60, 60, 3), 9, np.uint8)
    changed = mask_grid(draw(2), crop, AugmentSettings())
    hidden = grid(draw(2), 60, 60, AugmentSettings())
    assert hidden.any()
    assert (changed[hidden] == NEUTRAL).all()
    assert (changed[~hidden] == 9).all()


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_a_turn_keeps_the_middle_and_no_strength_keeps_everything(seed):
    crop = np.zeros((41, 41, 3), np.uint8)
    crop[18:23, 18:23] = 255
    assert rotate(draw(seed), crop, 10.0)[20, 20, 0] == 255
    assert np.array_equal(rotate(draw(seed), crop, 0.0), crop)
    assert np.abs(jitter_colour(draw(seed), crop, 0.0).astype(int) - crop).max() <= 1


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_more_colour_strength_moves_a_grey_picture_no_further_than_it_says(seed):
    crop = np.full((8, 8, 3), 100, np.uint8)
    changed = jitter_colour(draw(seed), crop, 0.1).astype(float)
    lowest = 100 * 0.9 * 0.9 + 127.5 * -0.1
    highest = 100 * 1.1 * 1.1 + 127.5 * 0.1
    assert lowest - 1 <= changed.min() <= changed.max() <= highest + 1
    assert np.ptp(changed) <= 2  # grey stays grey, whatever the hue


@settings(max_examples=100, deadline=None)
@given(seed=seeds, size=st.integers(1, 8), alpha=st.floats(0.2, 5))
def test_the_share_of_a_mixture_is_that_of_its_pixels(seed, size, alpha):
    labels = np.arange(size)
    crops = np.broadcast_to(labels[:, None, None, None], (size, 20, 16, 3)).astype(np.uint8)
    mixed, own, other, share = cutmix(draw(seed), crops, labels, only("cutmix", cutmix_alpha=alpha))
    assert mixed.shape == crops.shape
    assert mixed.dtype == np.uint8
    assert np.array_equal(own, labels)
    assert sorted(other) == sorted(labels)
    assert 0 <= share <= 1
    for crop, mine, theirs in zip(mixed, own, other, strict=True):
        assert np.isin(crop, (mine, theirs)).all()
        if mine != theirs:
            assert np.isclose((crop[..., 0] == mine).mean(), share)


def test_a_batch_without_luck_is_not_mixed():
    crops, labels = np.zeros((3, 8, 8, 3), np.uint8), np.arange(3)
    mixed, own, other, share = cutmix(draw(1), crops, labels, NO_AUGMENTATION)
    assert mixed is crops
    assert own is other is labels
    assert share == 1


@pytest.mark.parametrize("change", [{"erasing": 1.5}, {"erasing_area": (0.5, 0.1)}, {"erasing_area": (0, 2)}])
def test_settings_that_make_no_sense_are_refused(change):
    with pytest.raises(ValueError, match="erasing"):
        AugmentSettings(**change)


def test_settings_are_read_from_words():
    assert parse_settings("default") == AugmentSettings()
    assert parse_settings("none") == NO_AUGMENTATION
    assert parse_settings("erasing=0.5") == AugmentSettings(erasing=0.5)
    given_area = parse_settings("none, erasing=0.3,erasing_area=0.1:0.2")
    assert given_area == NO_AUGMENTATION.model_copy(update={"erasing": 0.3, "erasing_area": (0.1, 0.2)})


@pytest.mark.parametrize(
    ("text", "named"),
    [("erasing=2", "erasing"), ("mirror=0.5", "mirror"), ("erasing", "erasing"), ("", "name=value"),
     ("erasing_area=0.5:0.1", "erasing_area")],
)  # fmt: skip
def test_words_that_make_no_sense_are_named(text, named):
    with pytest.raises(InputError, match=named):
        parse_settings(text)
