"""Log lines on their way to subscribers: the bad ones, a few a second, without secrets."""

import structlog
from contract_check import validator
from control_rooms import Clock

from cardscanner.logs import configure_logs
from cardscanner.publish.log_lines import BURST, LogLines


def taken(lines):
    found = []
    while (line := lines.next()) is not None:
        found.append(line)
    return found


def test_warnings_and_errors_are_taken_and_secrets_hidden(capsys):
    lines = LogLines("warning", Clock())
    configure_logs("info", "json", lines)
    try:
        log = structlog.get_logger("x")
        log.info("nothing", a=1)
        log.warning("look at mqtt://me:word@broker", password="x", url="http://a:b@c/", number=3)
        log.error("bad", cause=ValueError("v"))
    finally:
        structlog.reset_defaults()
    first, second = taken(lines)
    assert (first.level, first.event) == ("warning", "look at mqtt://(hidden)@broker")
    assert first.fields == {"password": "(hidden)", "url": "http://(hidden)@c/", "number": 3}
    assert (second.level, second.fields) == ("error", {"cause": "v"})
    for line in (first, second):
        validator("log").validate(line.model_dump(mode="json"))


def test_a_flood_is_thinned_out_and_says_so():
    clock = Clock()
    lines = LogLines("error", clock)
    for number in range(100):
        lines(None, "error", {"level": "error", "event": f"number {number}"})
    assert len(taken(lines)) == BURST
    clock.now_s += 2.0
    more = taken(lines)
    assert len(more) == 2
    assert sum(line.suppressed for line in more) == 0
    clock.now_s += 1000
    rest = taken(lines)
    assert 12 + len(rest) <= 50


def test_what_was_left_out_is_counted_in_the_next_line():
    lines = LogLines("warning", Clock())
    for _ in range(60):
        lines(None, "warning", {"level": "warning", "event": "again"})
    assert lines.next().suppressed == 10
    assert lines.next().suppressed == 0
