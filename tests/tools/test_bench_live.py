"""The benchmark of the live view runs; its figures are for people."""

from __future__ import annotations

import pytest

from cardscanner_tools.bench_live import measure, report, scanner


@pytest.mark.slow
def test_fifty_slow_viewers_block_neither_scanning_nor_each_other(tmp_path):
    with scanner(tmp_path) as running:
        turns = measure(running, viewers=50, rounds=1, seconds=3)
    figures = report(turns)
    assert figures["viewers"] == 50
    assert figures["fps_alone"] > 0
    assert figures["fps_watched"] > 0
