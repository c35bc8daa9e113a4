"""What is over its limit is named; the samples and the plot are written."""

import csv
from dataclasses import replace

import pytest

from cardscanner_tools.soak.gauges import Sample
from cardscanner_tools.soak.report import Counts, judge, plot, settled, write_csv

COUNTS = Counts(
    decided=30, scans_heard=30, messages=34, lost=0, duplicates=0, repeats=1, waiting=0, restarts=0
)
STEADY = [Sample(float(at), 200.0 + at % 3, 18, 9, 1, 100.0, 7) for at in range(300)]


def test_a_steady_run_that_lost_nothing_is_within_its_limits():
    lines, wrong = judge(STEADY, COUNTS)
    assert wrong == []
    assert "0 lost, 0 duplicates" in lines[-1]


def test_the_warm_up_third_does_not_count():
    warming = [replace(each, rss_mb=each.at_s, fds=int(each.at_s)) for each in STEADY[:90]] + STEADY[90:]
    assert settled(warming)[0].at_s == 100
    assert judge(warming, COUNTS)[1] == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda each: replace(each, rss_mb=200 + each.at_s / 10), "memory surely grows"),
        (lambda each: replace(each, fds=18 + int(each.at_s / 50)), "fds grew from"),
        (lambda each: replace(each, threads=9 + int(each.at_s / 20)), "threads grew from"),
    ],
)
def test_what_grows_is_named(change, says):
    (wrong,) = judge([change(each) for each in STEADY], COUNTS)[1]
    assert says in wrong


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        (replace(COUNTS, lost=1), "1 messages were lost"),
        (replace(COUNTS, duplicates=2), "2 messages came as two"),
        (replace(COUNTS, waiting=3), "3 messages still wait"),
        (replace(COUNTS, decided=31), "31 cards were decided, 30 scans heard"),
        (replace(COUNTS, decided=0, scans_heard=0), "nothing was scanned"),
        (replace(COUNTS, restarts=1), "the daemon ended by itself"),
    ],
)
def test_a_wrong_account_is_named(counts, says):
    assert any(says in each for each in judge(STEADY, counts)[1])


def test_samples_and_plot_are_files(tmp_path):
    write_csv(tmp_path / "samples.csv", STEADY)
    with (tmp_path / "samples.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(STEADY)
    assert rows[5]["rss_mb"] == str(STEADY[5].rss_mb)
    plot(tmp_path / "soak.png", STEADY, [(30.0, "reload")])
    assert (tmp_path / "soak.png").read_bytes().startswith(b"\x89PNG")
