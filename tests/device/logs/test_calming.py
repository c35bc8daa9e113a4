"""One line for a trouble that goes on, and how many there were."""

import json
import threading

import pytest
import structlog

from cardscanner.logs import configure_logs
from cardscanner.logs.calming import EVERY_S, KINDS, Calm


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def calm(clock):
    return Calm(clock)


def passes(calm, event="camera is lost", level="warning", **fields):
    try:
        return calm(None, level, {"event": event, "level": level, **fields})
    except structlog.DropEvent:
        return None


def test_the_same_warning_comes_once_in_a_while_and_says_how_many_were_left_out(calm, clock):
    assert passes(calm, reason="cable") == {"event": "camera is lost", "level": "warning", "reason": "cable"}
    assert [passes(calm, reason="cable") for _ in range(7)] == [None] * 7
    clock.now_s += EVERY_S
    assert passes(calm, reason="cable")["left_out"] == 7
    clock.now_s += EVERY_S
    assert "left_out" not in passes(calm, reason="cable")


def test_another_cause_is_another_line(calm):
    assert passes(calm, reason="cable")
    assert passes(calm, reason="driver")
    assert passes(calm, reason="driver", level="error")


def test_the_time_and_the_traceback_do_not_make_a_line_another(calm):
    assert passes(calm, timestamp="1", exc_info=OSError())
    assert not passes(calm, timestamp="2", exc_info=OSError())


def test_causes_without_end_are_calmed_too(calm, clock):
    heard = [passes(calm, "refused", seq=number) for number in range(100)]
    assert [line is not None for line in heard] == [True] * KINDS + [False] * (100 - KINDS)
    clock.now_s += EVERY_S
    assert passes(calm, "refused", seq=500)["left_out"] == 100 - KINDS


def test_what_is_no_trouble_is_never_left_out(calm):
    assert all(passes(calm, "card decided", level) for _ in range(50) for level in ("info", "debug"))


def test_memory_has_an_end_however_many_troubles_there_are(calm, clock):
    for number in range(2000):
        assert passes(calm, f"trouble {number}")
        assert not passes(calm, f"trouble {number}")
    assert max(len(calm._until_s), len(calm._kinds), len(calm._left_out)) == 500


def test_any_field_whatever_it_holds_can_be_compared(calm):
    assert passes(calm, odd={"a": [1, {2}]}, other=object())


def test_threads_that_meet_the_same_trouble_write_one_line(calm):
    passed = []
    threads = [threading.Thread(target=lambda: passed.append(passes(calm))) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(line is not None for line in passed) == 1


def test_a_logger_writes_a_trouble_once_and_a_recovery_always(capsys):
    configure_logs(shape="json")
    log = structlog.get_logger()
    for _ in range(5):
        log.warning("camera is lost", reason="cable")
        log.info("camera is back")
    structlog.reset_defaults()
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events == ["camera is lost", *["camera is back"] * 5]
