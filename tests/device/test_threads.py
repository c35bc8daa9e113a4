"""Supervisor: one thread that ends early ends them all, and it is known which and why."""

import sys
import threading
import time

import pytest
import structlog
from structlog.testing import capture_logs

from cardscanner.errors import EmbedderDead
from cardscanner.threads import Supervisor

WAIT_S = 20.0


@pytest.fixture(autouse=True)
def _quiet_logs():
    with capture_logs():
        yield
    structlog.reset_defaults()


def until_stopped(stopping: threading.Event) -> None:
    assert stopping.wait(WAIT_S)


def test_threads_run_by_name_until_they_are_asked_to_stop():
    names: list[str] = []

    def loop(stopping: threading.Event) -> None:
        names.append(threading.current_thread().name)
        until_stopped(stopping)

    threads = Supervisor()
    threads.start("capture", loop)
    threads.start("scan", loop)
    threads.stop()
    assert threads.join(WAIT_S) == []
    assert sorted(names) == ["capture", "scan"]
    assert threads.early is None


def test_a_thread_that_dies_stops_the_others_and_the_error_is_kept():
    def die(_stopping: threading.Event) -> None:
        raise EmbedderDead("chip is gone")

    threads = Supervisor()
    threads.start("publish", until_stopped)
    threads.start("scan", die)
    assert threads.stopping.wait(WAIT_S)
    assert threads.join(WAIT_S) == []
    assert threads.early is not None
    assert threads.early.thread == "scan"
    assert str(threads.early.error) == "chip is gone"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError])
def test_whatever_kills_a_thread_is_noticed(error):
    def die(_stopping: threading.Event) -> None:
        raise error

    threads = Supervisor()
    threads.start("publish", until_stopped)
    threads.start("scan", die)
    assert threads.join(WAIT_S) == []
    assert threads.early is not None
    assert isinstance(threads.early.error, error)


def test_sys_exit_in_a_thread_ends_the_others_too():
    threads = Supervisor()
    threads.start("scan", lambda _stopping: sys.exit(3))
    assert threads.stopping.wait(WAIT_S)
    assert threads.join(WAIT_S) == []
    assert threads.early is not None


def test_a_thread_that_returns_too_early_is_an_early_end_without_an_error():
    threads = Supervisor()
    threads.start("publish", until_stopped)
    threads.start("scan", lambda _stopping: None)
    assert threads.stopping.wait(WAIT_S)
    assert threads.join(WAIT_S) == []
    assert threads.early is not None
    assert (threads.early.thread, threads.early.error) == ("scan", None)


def test_a_thread_that_may_end_does_not_stop_the_others():
    threads = Supervisor()
    ended = threading.Event()
    threads.start("publish", until_stopped)
    threads.start("capture", lambda _stopping: ended.set(), may_end=True)
    assert ended.wait(WAIT_S)
    assert threads.join(0.05) == ["publish"]
    assert not threads.stopping.is_set()
    assert threads.early is None
    threads.stop()
    assert threads.join(WAIT_S) == []


def test_a_thread_that_may_end_may_not_die():
    def die(_stopping: threading.Event) -> None:
        raise ValueError("no")

    threads = Supervisor()
    threads.start("capture", die, may_end=True)
    assert threads.stopping.wait(WAIT_S)
    assert threads.join(WAIT_S) == []
    assert threads.early is not None


def test_the_first_early_end_is_the_one_that_counts():
    first_is_dead = threading.Event()

    def first(_stopping: threading.Event) -> None:
        first_is_dead.set()
        raise ValueError("first")

    def second(stopping: threading.Event) -> None:
        until_stopped(stopping)
        raise ValueError("second, because the first took the camera away")

    threads = Supervisor()
    threads.start("second", second)
    threads.start("first", first)
    assert first_is_dead.wait(WAIT_S)
    assert threads.join(WAIT_S) == []
    assert threads.early is not None
    assert threads.early.thread == "first"


def test_an_error_after_the_stop_is_still_an_error():
    def loop(stopping: threading.Event) -> None:
        until_stopped(stopping)
        raise OSError("cannot close")

    threads = Supervisor()
    threads.start("publish", loop)
    threads.stop()
    assert threads.join(WAIT_S) == []
    assert threads.early is not None
    assert str(threads.early.error) == "cannot close"


def test_joining_keeps_its_deadline_over_all_threads_and_names_those_that_hang():
    threads = Supervisor()
    release = threading.Event()
    for name in "abcdefgh":
        threads.start(name, lambda _stopping: release.wait(WAIT_S) or None)
    threads.start("well behaved", until_stopped)
    threads.stop()
    began = time.monotonic()
    assert threads.join(0.5) == list("abcdefgh")
    assert time.monotonic() - began < 3  # half a second for all of them, not for each
    release.set()
    assert threads.join(WAIT_S) == []


def test_an_early_end_is_logged_with_its_traceback():
    def die(_stopping: threading.Event) -> None:
        raise ValueError("no")

    with capture_logs() as lines:
        threads = Supervisor()
        threads.start("scan", die)
        threads.join(WAIT_S)
    assert [(line["event"], line["thread"], str(line["exc_info"])) for line in lines] == [
        ("thread ended", "scan", "no")
    ]
