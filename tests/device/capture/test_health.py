"""The camera's health as others see it."""

from __future__ import annotations

import threading

from cardscanner.capture.health import CameraHealth

SECOND_NS = 1_000_000_000


class HandClock:
    def __init__(self):
        self.now_ns = 100 * SECOND_NS

    def __call__(self):
        return self.now_ns


def feed(health, clock, frames, period_ns):
    for _ in range(frames):
        clock.now_ns += period_ns
        health.frame_came(clock.now_ns - 5_000_000)


def test_a_fresh_record_says_starting_and_knows_no_frame():
    report = CameraHealth(HandClock()).report()
    assert (report.state, report.reason, report.fps, report.last_frame_ns, report.losses) == (
        "starting",
        "",
        0,
        None,
        0,
    )


def test_frames_make_it_ok_and_are_counted_over_the_last_seconds():
    clock = HandClock()
    health = CameraHealth(clock)
    feed(health, clock, 300, SECOND_NS // 20)
    report = health.report()
    assert report.state == "ok"
    assert abs(report.fps - 20) < 0.5
    assert report.last_frame_ns == clock.now_ns - 5_000_000
    assert report.since_ns == 100 * SECOND_NS + SECOND_NS // 20


def test_the_speed_falls_when_frames_stay_away():
    clock = HandClock()
    health = CameraHealth(clock)
    feed(health, clock, 50, SECOND_NS // 10)
    clock.now_ns += 2 * SECOND_NS
    assert 0 < health.report().fps < 8
    clock.now_ns += 10 * SECOND_NS
    assert health.report().fps == 0


def test_a_loss_is_news_once_and_counts_once_until_the_camera_is_back():
    clock = HandClock()
    health = CameraHealth(clock)
    feed(health, clock, 3, SECOND_NS)
    assert health.lost("cable")
    assert not health.lost("still nothing there")
    lost = health.report()
    assert (lost.state, lost.reason, lost.losses, lost.fps) == ("lost", "still nothing there", 1, 0)
    assert health.frame_came(clock.now_ns)
    assert not health.frame_came(clock.now_ns)
    assert (health.report().state, health.report().reason) == ("ok", "")
    assert health.lost("again")
    assert health.report().losses == 2


def test_progress_goes_on_while_a_lost_camera_is_tried_again():
    clock = HandClock()
    health = CameraHealth(clock)
    health.lost("cable")
    clock.now_ns += SECOND_NS
    health.opening()
    report = health.report()
    assert report.state == "lost"
    assert report.progress_ns == clock.now_ns
    assert report.since_ns == clock.now_ns - SECOND_NS


def test_several_threads_may_write_and_read_at_once():
    health = CameraHealth()
    reports = []

    def write():
        for number in range(500):
            health.frame_came(number)
            health.lost("x")

    writers = [threading.Thread(target=write) for _ in range(3)]
    for each in writers:
        each.start()
    while any(each.is_alive() for each in writers):
        reports.append(health.report())
    for each in writers:
        each.join()
    assert health.report().losses <= 1500
    assert all((report.reason == "x") == (report.state == "lost") for report in reports)


def test_waiting_for_the_scan_of_a_frame_is_progress_and_nothing_else():
    clock = HandClock()
    health = CameraHealth(clock)
    feed(health, clock, 3, SECOND_NS)
    before = health.report()
    clock.now_ns += 7 * SECOND_NS
    health.waiting()
    after = health.report()
    assert after.progress_ns == clock.now_ns
    assert (after.state, after.since_ns, after.last_frame_ns) == ("ok", before.since_ns, before.last_frame_ns)
