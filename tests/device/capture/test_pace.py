"""Pacing: never a future frame, never back, no drift."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.capture.pace import Pace

SECOND_NS = 1_000_000_000


class HandClock:
    """A clock that moves when it is told to."""

    def __init__(self, now_ns: int = 7 * SECOND_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


SPEEDS = st.one_of(
    st.floats(0.01, 1000), st.sampled_from([10.0, 15.0, 30000 / 1001, 24000 / 1001, 30.0, 60.0])
)
PAUSES_NS = st.lists(st.integers(0, 20 * SECOND_NS), min_size=1, max_size=30)


@given(SPEEDS, st.integers(0, 2**62), PAUSES_NS)
def test_ticks_only_rise_and_none_is_taken_before_it_is_due(fps, start_ns, pauses_ns):
    clock = HandClock(start_ns)
    pace = Pace(fps, clock)
    last = -1
    for pause_ns in pauses_ns:
        clock.now_ns += pause_ns
        if pace.wait_ns() > 0:
            with pytest.raises(ValueError, match="not due"):
                pace.take()
            continue
        tick = pace.take()
        assert tick > last
        assert pace.due_ns(tick) <= clock.now_ns < pace.due_ns(tick + 1)
        last = tick


@given(SPEEDS, PAUSES_NS)
def test_waiting_as_told_makes_exactly_the_next_tick_due(fps, pauses_ns):
    clock = HandClock()
    pace = Pace(fps, clock)
    assert pace.wait_ns() == 0
    for pause_ns in pauses_ns:
        before = pace.take()
        clock.now_ns += pause_ns
        wait_ns = pace.wait_ns()
        clock.now_ns += wait_ns
        assert pace.wait_ns() == 0
        if wait_ns > 0:
            assert clock.now_ns == pace.due_ns(before + 1)


def test_after_a_day_of_ntsc_video_the_due_time_is_still_exact():
    clock = HandClock(0)
    pace = Pace(30000 / 1001, clock)
    pace.wait_ns()
    frames_of_a_day = 30 * 60 * 60 * 24
    assert abs(pace.due_ns(frames_of_a_day) - frames_of_a_day * 1001 * SECOND_NS // 30000) < 1000


def test_the_clock_starts_with_the_first_question_not_with_the_opening():
    clock = HandClock(0)
    pace = Pace(10, clock)
    clock.now_ns = 60 * SECOND_NS
    assert pace.wait_ns() == 0
    assert pace.take() == 0


def test_a_late_reader_gets_the_tick_of_now():
    clock = HandClock(0)
    pace = Pace(10, clock)
    pace.wait_ns()
    pace.take()
    clock.now_ns = 1_050_000_000
    assert pace.take() == 10
    assert pace.wait_ns() == 50_000_000
