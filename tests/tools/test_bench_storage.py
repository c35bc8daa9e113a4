"""What a day of scanning may write to the SD card (F21): at most 150 MB at 10,000 scans, one by one."""

import os

import pytest

from cardscanner_tools.bench_outbox import bytes_written
from cardscanner_tools.bench_storage import measure


def test_ten_thousand_scans_a_day_write_less_than_150_megabytes(tmp_path):
    before = bytes_written()
    with (tmp_path / "probe").open("wb") as probe:
        probe.write(bytes(100_000))
        probe.flush()
        os.fsync(probe.fileno())
    if bytes_written() - before < 100_000:
        pytest.skip("the temporary folder is on no disk whose writes are counted")
    figures = measure(tmp_path, 280, [os.urandom(3300)], keep_delivered=100)
    assert figures["total.mb_per_day"] <= 150
    assert figures["ratio.total_to_naive"] < 0.6
    assert figures["outbox.bytes_per_scan"] > 1000
    assert figures["history.bytes_per_scan"] > 3300
