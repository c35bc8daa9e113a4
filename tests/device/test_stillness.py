"""Outlines are kept while nothing moves, and only then."""

import numpy as np

from cardscanner.records import Quad
from cardscanner.stillness import Stillness

OUTLINE = np.array([[100, 80], [220, 80], [220, 248], [100, 248]], np.float32)
SURE = [Quad(OUTLINE, 0.95)]


def frame(card=True, at=100, light=1.0, seed=0):
    rng = np.random.default_rng(seed)
    picture = np.full((360, 640, 3), 70.0)
    if card:
        picture[80:248, at : at + 120] = 190
    return np.clip(picture * light + rng.normal(0, 5, picture.shape), 0, 255).astype(np.uint8)


def remembering(quads, picture=None):
    still = Stillness()
    still.remember(frame() if picture is None else picture, quads)
    return still


def test_a_card_that_lies_still_is_searched_in_every_fourth_frame():
    still = remembering(SURE)
    recalled = [still.recall(frame(seed=number)) for number in range(1, 5)]
    assert recalled == [SURE, SURE, SURE, None]


def test_noise_and_flicker_are_no_motion():
    assert remembering(SURE).recall(frame(light=1.02, seed=9)) is SURE


def test_a_card_that_moved_by_a_few_pixels_is_searched():
    assert remembering(SURE).recall(frame(at=103)) is None


def test_a_card_taken_away_or_a_second_one_laid_down_is_searched():
    assert remembering(SURE).recall(frame(card=False)) is None
    second = frame()
    second[100:180, 400:460] = 90
    assert remembering(SURE).recall(second) is None


def test_an_unsure_outline_one_with_other_readings_or_none_at_all_is_searched_in_every_frame():
    for quads in ([], [Quad(OUTLINE, 0.7)], [*SURE, Quad(OUTLINE, 0.95, (OUTLINE,))]):
        assert remembering(quads).recall(frame()) is None


def test_another_size_of_frame_is_searched():
    assert remembering(SURE).recall(np.full((240, 320, 3), 70, np.uint8)) is None


def test_nothing_is_recalled_before_anything_was_found():
    assert Stillness().recall(frame()) is None


def test_tiny_frames_are_no_mistake():
    tiny = np.full((1, 2, 3), 9, np.uint8)
    assert remembering(SURE, tiny).recall(tiny) is SURE
