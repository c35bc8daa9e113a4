"""The consumer's end of the promise: a session's file has every scan once, whoever is killed.

The real daemon scans a film over and over; listener, broker and daemon are killed in turns.
"""

from __future__ import annotations

import csv
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter

import pytest
from brokers import Mosquitto, mosquitto_program
from daemons import QUICK, Daemon, looping, mqtt
from small_scanner import small_scanner

TURNS = 4
QUIET_S = 15.0
"""Longer than a gap waits to be asked for and a question for its answer."""


def in_outbox(path) -> set[str]:
    """Ids of the scans that the outbox holds, delivered or not."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        found = {row[0] for row in connection.execute("SELECT id FROM outbox WHERE topic LIKE '%/scan'")}
    connection.close()
    return found


def written(path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row["id"] for row in csv.DictReader(file)]


def listening(broker, sheet, log):
    command = [sys.executable, "-m", "cardscanner", "listen", "--host", "127.0.0.1", "--csv", str(sheet)]
    return subprocess.Popen([*command, "--port", str(broker.port)], stdout=log, stderr=log)


def wait_for(done, what, timeout_s=60.0):
    end_s = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < end_s, what()
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_session_has_every_scan_once_after_kills_of_listener_broker_and_daemon(tmp_path):
    scanner = small_scanner(tmp_path / "scanner", cards=14, shown=(3, 7, 11))
    broker = Mosquitto(tmp_path / "broker").start()
    config = scanner.config(camera=looping(), decide=QUICK, publish=mqtt(broker))
    sheet, ear = tmp_path / "session.csv", None

    def count():
        return len(written(sheet)) if sheet.exists() else 0

    def grows(by):
        before = count()
        wait_for(lambda: count() >= before + by, lambda: (log_path.read_text()[-3000:], count()))

    log_path = tmp_path / "listen.log"
    with log_path.open("ab") as log:
        daemon = Daemon(config)
        try:
            ear = listening(broker, sheet, log)
            grows(3)
            for _ in range(TURNS):
                ear.send_signal(signal.SIGKILL)
                ear.wait()
                time.sleep(1.0)
                ear = listening(broker, sheet, log)
                grows(3)
                broker.kill()
                time.sleep(0.5)
                broker.start()
                grows(3)
                daemon.process.kill()
                daemon.process.wait()
                daemon = Daemon(config)
                grows(3)
            pause = [
                "-p",
                str(broker.port),
                "-q",
                "1",
                "-t",
                "cardscanner/small/cmd/scanning",
                "-m",
                '{"on":false}',
            ]
            subprocess.run([mosquitto_program("mosquitto_pub"), *pause], check=True)
            wait_for(lambda: time.time() - sheet.stat().st_mtime > QUIET_S, count)
            daemon.stop()
        finally:
            daemon.process.kill()
            daemon.__exit__()
            if ear is not None:
                ear.kill()
                ear.wait()
            broker.stop()
    ids = written(sheet)
    kept = {each for each in in_outbox(scanner.outbox) if each >= ids[0]}  # ULIDs sort by time
    assert [each for each, times in Counter(ids).items() if times > 1] == []
    assert kept - set(ids) == set()
    assert len(kept) > 20
    assert "cardscanner: lost:" not in log_path.read_text()
