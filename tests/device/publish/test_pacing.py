import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.publish.pacing import Backoff, Pace


def test_delays_double_up_to_the_cap_with_a_fifth_of_jitter():
    backoff = Backoff(1.0, 5.0)
    for expected in (1, 2, 4, 5, 5):
        assert expected * 0.8 <= backoff.next_s() <= expected * 1.2
    backoff.reset()
    assert backoff.next_s() <= 1.2


def test_a_thousand_failures_do_not_overflow():
    backoff = Backoff(1.0, 60.0)
    assert all(backoff.next_s() <= 72 for _ in range(1000))


def test_a_burst_may_go_at_once_and_then_the_rate_holds():
    pace = Pace(per_s=100, burst=20)
    for _ in range(20):
        assert pace.wait_s(50.0) == 0
        pace.take(50.0)
    assert pace.wait_s(50.0) == pytest.approx(0.01)
    assert pace.wait_s(50.01) == pytest.approx(0, abs=1e-9)


@given(st.lists(st.floats(0, 0.05), min_size=1, max_size=300))
def test_never_more_than_burst_and_rate_allow(gaps_s):
    pace, now_s, taken = Pace(per_s=200, burst=20), 0.0, 0
    for gap_s in gaps_s:
        now_s += gap_s
        if pace.wait_s(now_s) == 0:
            pace.take(now_s)
            taken += 1
    assert taken <= 20 + 200 * now_s + 1
