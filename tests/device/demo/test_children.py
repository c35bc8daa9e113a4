"""The demo's processes end with it, whatever asks it to stop and whenever."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from cardscanner.demo.children import Stops, child, tail

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
WAITS = [sys.executable, "-c", "print('here', flush=True); import time; time.sleep(60)"]
DEAF = [
    sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]  # fmt: skip


def ask(number=signal.SIGINT):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_each_way_of_stopping_is_an_interrupt_and_the_old_answer_comes_back(number):
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(KeyboardInterrupt), Stops():
        ask(number)
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_only_the_first_is_an_interrupt():
    cleaned = False
    with pytest.raises(KeyboardInterrupt), Stops():  # noqa: PT012 - the block is what is tested
        try:
            ask()
        finally:
            ask()
            ask(signal.SIGTERM)
            cleaned = True
    assert cleaned


def test_a_held_stop_comes_at_the_end_of_the_block():
    reached = []
    with pytest.raises(KeyboardInterrupt), Stops() as stops:  # noqa: PT012 - the block is what is tested
        with stops.held():
            ask()
            reached.append("inside")
        reached.append("behind")
    assert reached == ["inside"]


def test_holding_without_a_stop_changes_nothing():
    with Stops() as stops:
        with stops.held():
            pass
        with pytest.raises(KeyboardInterrupt):
            ask()


def test_what_we_were_started_to_ignore_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stops():
            ask(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


class AskedWhileStarting(Stops):
    """The stop comes when the process exists and nobody has been told so yet."""

    def __init__(self, log):
        super().__init__()
        self._log = log

    def held(self):
        log, holding = self._log, super().held()

        class Holding:
            def __enter__(self):
                holding.__enter__()

            def __exit__(self, *error):
                while not log.read_text():
                    pass
                ask()
                return holding.__exit__(*error)

        return Holding()


def test_a_stop_while_a_process_starts_does_not_leave_it_behind(tmp_path):
    log = tmp_path / "log"
    script = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"]
    with pytest.raises(KeyboardInterrupt), AskedWhileStarting(log) as stops, child(script, log, stops, 5.0):
        raise AssertionError("the block must not begin")
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text()), 0)


def test_a_process_runs_while_the_block_runs_in_a_session_of_its_own(tmp_path):
    with Stops() as stops, child(WAITS, tmp_path / "log", stops, 5.0) as process:
        assert process.poll() is None
        assert os.getsid(process.pid) == process.pid
    assert process.returncode == -signal.SIGTERM


def test_one_that_does_not_listen_is_killed(tmp_path):
    log = tmp_path / "log"
    with Stops() as stops, child(DEAF, log, stops, 0.2) as process:
        while not log.read_text():
            pass
    assert process.returncode == -signal.SIGKILL


def test_one_that_has_ended_is_left_alone(tmp_path):
    script = [sys.executable, "-c", "import sys; print(*range(9), sep=chr(10)); sys.exit(3)"]
    with Stops() as stops, child(script, tmp_path / "log", stops, 5.0) as process:
        process.wait(20)
    assert process.returncode == 3
    assert tail(tmp_path / "log") == "4\n5\n6\n7\n8"
