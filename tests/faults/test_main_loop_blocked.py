"""The main loop is blocked for a minute: the watchdog kills the daemon, and a fresh one scans (F18)."""

import os
import signal
import time

import pytest
from daemons import daemon_command, looping
from small_scanner import small_scanner
from watchdogs import Watchdog

SCANNING_S = 15.0

BLOCKING = """
import signal, time
signal.signal(signal.SIGUSR1, lambda *_: time.sleep(60))  # handlers run in the main thread
"""


@pytest.mark.parametrize("watchdog_s", [4.0, pytest.param(30.0, marks=pytest.mark.slow)])
def test_a_blocked_main_loop_is_killed_in_time_and_scanning_goes_on(tmp_path, watchdog_s):
    scanner = small_scanner(tmp_path / "scanner")
    config = scanner.config(camera=looping())
    (tmp_path / "sitecustomize.py").write_text(BLOCKING)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path}
    with Watchdog(daemon_command(config), tmp_path, watchdog_s, environment) as systemd:
        await_scans(systemd, 1)
        time.sleep(watchdog_s * 1.5)
        assert systemd.kills_s == []  # it is fed while all is well
        blocked_s = time.monotonic()
        systemd.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: systemd.kills_s, watchdog_s + 5)
        assert systemd.kills_s[0] - blocked_s <= watchdog_s + 1
        await_scans(systemd, scans_in(systemd) + 1)
        assert time.monotonic() - systemd.kills_s[0] <= SCANNING_S
        assert len(systemd.readies) == 2
    assert len(systemd.kills_s) == 1


def scans_in(systemd):
    return systemd.log.read_bytes().count(b'"event": "card decided"')


def await_scans(systemd, count):
    wait_for(lambda: scans_in(systemd) >= count, 60)


def wait_for(true, timeout_s):
    end_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.05)
