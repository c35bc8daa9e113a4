"""The accelerator hangs, dies, is not there or does not fit its driver (F15, F16)."""

import os
import signal
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest
from brokers import Mosquitto
from fake_chips import ABSENT, MISMATCH
from hailo_platform.world import HANG
from listeners import Listener
from live_boxes import LiveBox, events_of, seconds_until, seconds_until_told

HUNG_S, BACK_S = 2.0, 10.0


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


@pytest.fixture
def box(tmp_path, broker):
    box = LiveBox(tmp_path, broker, hailo=True)
    box.show(4)
    return box


def npu_is(condition):
    return lambda state: state["npu"]["state"] == condition


def states_with(listener, reasons):
    """States in which exactly that is wrong."""
    states = [each.json() for each in listener.heard("/state")]
    return [state for state in states if state["reasons"] == reasons and state["camera"]["state"] == "ok"]


def accelerator_process_of(daemon):
    """The child that runs the worker module."""
    for task in Path(f"/proc/{daemon.pid}/task").iterdir():
        for pid in (task / "children").read_text().split():
            if b"hailo_worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
    raise AssertionError("the daemon has no accelerator process")


def test_a_call_that_never_returns_is_said_and_over_in_time_and_no_frame_of_it_is_an_event(box, broker):
    with Listener(broker.port) as listener, box.daemon() as daemon:
        daemon.await_line("card decided")
        pid = accelerator_process_of(daemon)
        box.chip.set(every_job=HANG, drop_hangs=True)
        hung_s = seconds_until(listener, npu_is("hung"))
        assert hung_s < HUNG_S
        told = listener.heard("/state")[-1].json()
        assert (told["lifecycle"], told["reasons"]) == ("degraded", ["npu"])
        box.chip.set()
        back_s = seconds_until(listener, npu_is("ok"))
        assert back_s < BACK_S
        next_card_is_the_next_event(box, listener, daemon, pid)
    print(f"hung after {hung_s:.1f} s, back after {back_s:.1f} s")


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_of_the_accelerator_that_is_gone_or_frozen_is_said_and_replaced_in_time(
    box, broker, signum
):
    with Listener(broker.port) as listener, box.daemon() as daemon:
        daemon.await_line("card decided")
        pid = accelerator_process_of(daemon)
        os.kill(pid, signum)
        # The new process may serve before the next state is due: the events say what happened.
        hung_s = seconds_until_told(listener, "npu_hung")
        assert hung_s < HUNG_S
        back_s = seconds_until_told(listener, "npu_back")
        assert back_s < BACK_S
        next_card_is_the_next_event(box, listener, daemon, pid)
        assert listener.heard("/state")[-1].json()["npu"]["state"] == "ok"
    print(f"hung after {hung_s:.1f} s, back after {back_s:.1f} s")


def next_card_is_the_next_event(box, listener, daemon, replaced_pid):
    """The process was replaced once, and the cards before and after are the only events."""
    assert not Path(f"/proc/{replaced_pid}").exists()
    box.show(2)
    daemon.await_line("card decided", count=2)
    assert daemon.stop() == 0, daemon.tail()
    listener.wait_for(lambda heard: heard[-1].payload == b"offline", 30)
    assert events_of(listener) == [("match", "card-004"), ("match", "card-002")]
    assert len(daemon.said("the accelerator is back")) == 1


@pytest.mark.parametrize(
    ("fault", "condition", "words"),
    [
        (ABSENT, "absent", "no Hailo chip is found: check the ribbon cable"),
        pytest.param(MISMATCH, "mismatch", "apt install --reinstall hailo-all", marks=pytest.mark.slow),
    ],
    ids=["absent", "mismatch"],
)
def test_without_a_chip_the_daemon_starts_says_what_to_do_and_scans_once_it_comes(
    tmp_path, box, broker, fault, condition, words
):
    box.chip.set(**fault)
    with (
        closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd,
        Listener(broker.port) as listener,
    ):
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        with box.daemon(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="4000000") as daemon:
            ready = systemd.recv(4096).decode()
            while "READY=1" not in ready:
                ready = systemd.recv(4096).decode()
            assert f"STATUS=npu_{condition}: " in ready
            assert words in ready
            listener.wait_for(lambda _: states_with(listener, [f"npu_{condition}"]), 60)
            state = states_with(listener, [f"npu_{condition}"])[0]
            assert (state["npu"]["state"], state["camera"]["state"]) == (condition, "ok")
            alive_s = time.monotonic() + 3
            while time.monotonic() < alive_s:
                assert daemon.process.poll() is None, daemon.tail()
                time.sleep(0.1)
            assert events_of(listener) == []
            box.chip.set()
            seconds_until(listener, npu_is("ok"))
            daemon.await_line("card decided")
            assert daemon.stop() == 0, daemon.tail()
        (said,) = daemon.said("the accelerator is away; frames are skipped until it is back")
        assert words in said["error"]
        listener.wait_for(lambda heard: heard[-1].payload == b"offline", 30)
        assert events_of(listener) == [("match", "card-004")]
