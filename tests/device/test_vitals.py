"""Vitals: progress, troubles and counts, told by several threads and read by others."""

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from cardscanner.vitals import Vitals


def test_a_thread_that_never_got_round_is_stuck_after_its_limit():
    vitals = Vitals()
    assert vitals.stuck({"scan": 60}) == []
    assert vitals.stuck({"scan": 0, "publish": 60}) == ["scan"]


def test_progress_sets_the_clock_of_one_thread_only():
    vitals = Vitals()
    vitals.progress("scan")
    assert vitals.stuck({"scan": 60, "publish": 0}) == ["publish"]


def test_a_trouble_is_news_once_and_over_once():
    vitals = Vitals()
    assert vitals.enter("camera_lost", "unplugged")
    assert not vitals.enter("camera_lost", "still unplugged")
    assert vitals.enter("broker_lost", "")
    assert vitals.reasons == ("broker_lost", "camera_lost")
    assert vitals.leave("camera_lost")
    assert not vitals.leave("camera_lost")
    assert vitals.reasons == ("broker_lost",)


def test_what_is_wrong_is_explained_in_words():
    vitals = Vitals()
    vitals.enter("npu_absent", "no chip: check the cable")
    vitals.enter("disk", "full")
    assert vitals.explanations == {"disk": "full", "npu_absent": "no chip: check the cable"}


def test_work_is_overdue_only_while_it_is_under_way():
    vitals = Vitals()
    assert vitals.overdue({"npu": 0.0}) == []
    with vitals.during("npu"):
        time.sleep(0.001)
        assert vitals.overdue({"npu": 0.0}) == ["npu"]
        assert vitals.overdue({"npu": 60.0}) == []
    assert vitals.overdue({"npu": 0.0}) == []


def test_frames_without_an_answer_and_restarts_of_the_accelerator_are_counted():
    vitals = Vitals()
    vitals.skipped()
    vitals.skipped()
    vitals.npu_restarted(3)
    assert (vitals.frames_skipped, vitals.npu_restarts) == (2, 3)


@given(st.lists(st.sampled_from(["match", "ambiguous", "no_match"]), max_size=30))
def test_decisions_are_counted_by_kind(decisions):
    vitals = Vitals()
    for each in decisions:
        vitals.decided(each)
    assert vitals.scans == {each: decisions.count(each) for each in set(decisions)}
    vitals.scans["match"] = 999
    assert vitals.scans.get("match", 0) == decisions.count("match")


def test_the_condition_of_the_accelerator_is_news_only_when_it_changes():
    vitals = Vitals()
    assert vitals.npu == ("absent", None)
    assert not vitals.npu_is("absent")
    assert vitals.npu_is("ok")
    assert not vitals.npu_is("ok")
    vitals.chip_says({"temp_c": 51, "throttling": False})
    assert vitals.npu == ("ok", 51.0)
    vitals.chip_says({"temp_c": "unknown"})
    assert vitals.npu == ("ok", None)


def test_telemetry_is_kept_as_it_was_told():
    vitals = Vitals()
    told = {"temp_c": 40.0}
    vitals.chip_says(told)
    told["temp_c"] = 90.0
    assert vitals.npu[1] == 40.0


def test_uptime_only_grows():
    vitals = Vitals()
    first = vitals.uptime_s
    assert 0 <= first <= vitals.uptime_s


def test_counts_from_many_threads_add_up():
    vitals = Vitals()

    def work(name: str) -> None:
        for number in range(2000):
            vitals.decided("match")
            vitals.progress(name)
            vitals.enter(f"{name}{number % 3}", "")
            vitals.leave(f"{name}{number % 3}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert vitals.scans == {"match": 8000}
    assert vitals.reasons == ()
