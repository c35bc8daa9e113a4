"""Black means: nothing could be seen; a dark table with or without a card is not black."""

import numpy as np
import pytest
from small_scanner import photo, table

from cardscanner.capture.darkness import BLACK_AFTER_S, BlackWatch, is_black

SECOND_NS = 1_000_000_000


def noise(mean, spread, seed=0):
    values = np.random.default_rng(seed).normal(mean, spread, (480, 640, 3))
    return np.clip(values, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("pixels", [np.zeros((240, 320, 3), np.uint8), noise(2, 3), noise(0, 8), noise(5, 2)])
def test_a_covered_lens_is_black_however_much_its_sensor_rustles(pixels):
    assert is_black(pixels)


@pytest.mark.parametrize("pixels", [table(1), photo(3), noise(30, 5), np.full((240, 320, 3), 255, np.uint8)])
def test_a_table_is_not_black(pixels):
    assert not is_black(pixels)


def test_a_card_in_very_little_light_is_not_black():
    assert not is_black((photo(3).astype(np.float32) * 0.15).astype(np.uint8))


def test_only_what_stays_black_is_told_and_the_first_light_ends_it():
    watch = BlackWatch()
    dark, light = noise(1, 2), table(0)
    told = [watch.see(dark, number * SECOND_NS // 10) for number in range(40)]
    assert told.index(True) == pytest.approx(BLACK_AFTER_S * 10, abs=1)
    assert all(told[told.index(True) :])
    assert not watch.see(light, 5 * SECOND_NS)
    assert not watch.see(dark, 6 * SECOND_NS)


def test_a_hand_over_the_lens_is_nothing():
    watch = BlackWatch()
    frames = [noise(1, 2), noise(1, 2), table(0)] * 5
    assert not any(watch.see(pixels, number * SECOND_NS // 2) for number, pixels in enumerate(frames))
