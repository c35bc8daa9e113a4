from hypothesis import given
from hypothesis import strategies as st

from cardscanner.stage_times import BOUNDS_S, StageTimes


def test_a_time_on_a_bound_belongs_to_the_bucket_that_ends_there():
    times = StageTimes()
    times.observe({"find": 5.0, "embed": 2000.0})
    times.observe({"find": 5.1})
    found = times.histograms()
    assert found["find"].counts[BOUNDS_S.index(0.005)] == 1
    assert found["find"].counts[BOUNDS_S.index(0.01)] == 1
    assert found["embed"].counts[-1] == 1
    assert found["embed"].sum_s == 2.0


@given(st.lists(st.floats(0, 1e5)))
def test_every_frame_is_in_exactly_one_bucket(values):
    times = StageTimes()
    for value in values:
        times.observe({"find": value})
    assert sum(sum(each.counts) for each in times.histograms().values()) == len(values)
