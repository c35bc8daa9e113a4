"""A short run says of growth what it can say, and no more."""

import math
import random

import pytest

from cardscanner_tools.soak.trend import DAY_S, levels, trend

SECONDS = [float(second) for second in range(800)]
NOISE_MB = 4.0


def noisy(seed, mb=0.3):
    chance = random.Random(seed)
    return [200 + chance.gauss(0, mb) for _ in SECONDS]


def test_a_line_is_found_and_its_interval_holds_it():
    per_s = 0.05
    found = trend(SECONDS, [value + per_s * at for at, value in zip(SECONDS, noisy(1), strict=True)])
    assert found.low < per_s * DAY_S < found.high
    assert found.per_day == pytest.approx(per_s * DAY_S, rel=0.02)
    assert found.gained == pytest.approx(per_s * 800, rel=0.1)
    assert found.proves_more_than(1, NOISE_MB)


@pytest.mark.parametrize("seed", range(20))
def test_noise_alone_is_no_growth(seed):
    found = trend(SECONDS, noisy(seed))
    assert not found.proves_more_than(1, NOISE_MB)
    assert abs(found.gained) < 1


@pytest.mark.parametrize("seed", range(20))
def test_memory_that_walks_within_a_few_mb_is_no_growth(seed):
    chance = random.Random(seed)
    level, values = 0.0, []
    for _ in SECONDS:
        level = 0.99 * level + chance.gauss(0, 0.1)
        values.append(200 + level)
    assert not trend(SECONDS, values).proves_more_than(1, NOISE_MB)


def test_a_heap_that_settles_is_no_growth_but_one_more_with_each_reload_is():
    settles = [200 + 3 * (1 - math.exp(-at / 60)) for at in SECONDS]
    stairs = [200 + 15 * (at // 100) for at in SECONDS]
    assert not trend(SECONDS, settles).proves_more_than(1, NOISE_MB)
    assert trend(SECONDS, stairs).proves_more_than(1, NOISE_MB)


def test_a_run_that_is_too_short_says_so():
    with pytest.raises(ValueError, match="let it run"):
        trend(SECONDS[:30], SECONDS[:30])


def test_levels_are_those_of_the_first_and_of_the_last_part():
    assert levels(SECONDS, [18.0] * 790 + [40.0] * 10) == (18, 18)  # a moment is not a level
    assert levels(SECONDS, [18.0] * 500 + [25.0] * 300) == (18, 25)
