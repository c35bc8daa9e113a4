"""What is done to crops has the amount that its name says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner_tools.evaluate.conditions import CONDITIONS, captures, shows_anything
from cardscanner_tools.evaluate.stresses import cover, jitter, saturate
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.scene.capture import level

FACE = render_card(catalogue(1, 11)[0])
GREEN = np.zeros((336, 241, 3), np.uint8) + np.array([1, 255, 3], np.uint8)


@pytest.mark.parametrize("size", [(224, 224), (336, 241)])
def test_twenty_percent_occluded_means_twenty_percent(size):
    picture = GREEN[: size[0], : min(size[1], 241)]
    for seed in range(200):
        covered = cover(np.random.default_rng(seed), picture, 0.2)
        portion = (covered != picture).any(axis=2).mean()
        assert portion == pytest.approx(0.2, abs=0.003)


@given(st.integers(0, 2**31), st.sampled_from([0.1, 0.2, 0.3]))
@settings(max_examples=50, deadline=None)
def test_any_portion_can_be_covered_and_the_picture_given_stays_as_it_is(seed, portion):
    kept = GREEN.copy()
    covered = cover(np.random.default_rng(seed), GREEN, portion)
    assert (covered != GREEN).any(axis=2).mean() == pytest.approx(portion, abs=0.004)
    np.testing.assert_array_equal(GREEN, kept)


def test_glare_saturates_a_part_and_leaves_a_part():
    for seed in range(30):
        lit = saturate(np.random.default_rng(seed), GREEN)
        white = (lit == 255).all(axis=2).mean()
        assert 0.02 < white < 0.35
        assert (lit == GREEN).all(axis=2).mean() > 0.3


def test_corners_move_by_no_more_than_the_portion_of_the_width():
    corners = np.array([[10, 10], [110, 12], [112, 160], [8, 158]], np.float32)
    moved = np.stack([jitter(np.random.default_rng(seed), corners, 0.06) for seed in range(200)])
    reach = np.abs(moved - corners).max()
    width = (np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])) / 2
    assert 0.05 * width < reach <= 0.06 * width + 1e-3


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda each: each.name)
def test_a_view_is_decided_by_condition_seed_and_number_and_always_shows_something(condition):
    crops = captures([FACE, FACE], condition, 3)
    first, second = (crops.crop(number, 64, 64) for number in (0, 1))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, captures([FACE, FACE], condition, 3).crop(0, 64, 64))
    assert shows_anything(first)


def test_black_and_white_views_show_nothing():
    assert not shows_anything(np.zeros((64, 64, 3), np.uint8))
    assert not shows_anything(np.full((64, 64, 3), 255, np.uint8))
    assert shows_anything(FACE)


def test_levels_rise_and_their_glare_and_fingers_are_no_chances():
    easy, hard = (level(strength, glare=True, occlusion=False) for strength in (1.0, 2.4))
    assert (easy.glare, easy.occlusion) == (1.0, 0.0)
    assert level(1.8, glare=False, occlusion=True).occlusion == 1.0
    assert hard.corner_error > easy.corner_error
    assert hard.strength > easy.strength
    assert hard.card_width_px[0] < easy.card_width_px[0]
