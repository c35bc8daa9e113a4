"""The newest log lines, for bug reports."""

from __future__ import annotations

import json

import structlog

from cardscanner.logs import configure_logs
from cardscanner.recent_lines import KEPT, RecentLines


def test_the_newest_lines_are_kept_and_the_next_reader_sees_each():
    seen = []
    lines = RecentLines(then=lambda _logger, _method, event: seen.append(event["event"]) or event)
    for number in range(KEPT + 3):
        lines(None, "info", {"event": f"line {number}", "level": "info"})
    kept = [json.loads(each)["event"] for each in lines.lines]
    assert len(seen) == KEPT + 3
    assert kept == [f"line {number}" for number in range(3, KEPT + 3)]


def test_secrets_are_hidden_before_lines_are_kept(capsys):
    lines = RecentLines()
    before = structlog.get_config()
    try:
        configure_logs("info", "json", lines)
        structlog.get_logger("test").info(
            "connecting", password="hunter2", url="mqtt://joe:geheim@host", frame=b"abc"
        )
        try:
            raise ValueError("no rtsp://me:pw@camera")
        except ValueError as error:
            structlog.get_logger("test").error("failed", exc_info=error)
    finally:
        structlog.configure(**before)
    text = "\n".join(lines.lines)
    assert "hunter2" not in text
    assert "geheim" not in text
    assert "me:pw" not in text
    assert json.loads(lines.lines[0])["frame"] == "(3 bytes)"
    assert "ValueError" in json.loads(lines.lines[1])["exception"]
    assert "hunter2" not in capsys.readouterr().out
