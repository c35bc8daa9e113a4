"""The benchmark of changes runs, at a size that takes a moment."""

from __future__ import annotations

import sys

from cardscanner_tools import bench_change


def test_every_step_is_timed(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bench_change", "--rows", "300", "--dim", "32"])
    bench_change.main()
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == [
        "search,", "open:", "add", "search,", "remove", "search,", "open:", "merge:", "search,",
    ]  # fmt: skip
    assert all(" 15 " in line for line in said if line.startswith(("add", "remove")))
