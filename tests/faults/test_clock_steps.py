"""The wall clock is wrong at boot and steps by years while cards are scanned: nothing is timed by it."""

import json
import select
import socket
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from brokers import Mosquitto
from clocks import YEAR, WallClock
from commanding import answers_to, ask
from daemons import QUICK, Daemon, looping, mqtt
from killing import heard_scans
from listeners import Listener
from small_scanner import small_scanner

from cardscanner.config import OutboxConfig
from cardscanner.control.backup import KEEP
from cardscanner.publish import Outbox

WATCHDOG_S = 30.0
"""As the unit has it. The beats asked for here are quicker, so that a step is soon followed by some."""
BEAT_EVERY_S = 0.5
STEPS = {"+10 years": 10 * YEAR, "-1 hour": timedelta(hours=-1), "right": timedelta()}
WRONG_AT_BOOT = -20 * YEAR
ALARMS = (
    "no progress; the watchdog is not fed",
    "camera is lost; trying to open it again",
    "publishing is in trouble",
    "threads did not end in time",
)


class Watchdog:
    """systemd's watchdog: hears the beats, and knows the longest time without one."""

    def __init__(self, path: Path) -> None:
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": str(round(4 * BEAT_EVERY_S * 1e6))}
        self.longest_s = 0.0
        self.beats = 0
        self._last_s = time.monotonic()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def watch(self) -> None:
        """Take what has come; call this often."""
        while select.select([self._socket], [], [], 0)[0]:
            if self._socket.recv(4096).startswith(b"WATCHDOG=1"):
                self.beats += 1
                self._last_s = time.monotonic()
        self.longest_s = max(self.longest_s, time.monotonic() - self._last_s)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


def scan_on(daemon, watchdog, cards=3):
    """Wait for a few more cards and some beats of the heart."""
    wanted, beats = len(daemon.said("card decided")) + cards, watchdog.beats + 2
    end_s = time.monotonic() + 60
    while len(daemon.said("card decided")) < wanted or watchdog.beats < beats:
        assert time.monotonic() < end_s, daemon.tail()
        watchdog.watch()
        time.sleep(0.05)


def scans_at(listener, clock_time, within=timedelta(minutes=10)):
    """Scans whose time stamp is near a time."""
    scans = [each.json() for each in listener.heard("/scan")]
    return [each for each in scans if abs(datetime.fromisoformat(each["ts"]) - clock_time) < within]


def test_a_clock_that_steps_raises_no_alarm_deletes_nothing_and_keeps_the_order(tmp_path, broker):
    scanner = small_scanner(tmp_path / "scanner", lie=4, empty=4)
    clock = WallClock(tmp_path / "clock")
    clock.step(WRONG_AT_BOOT)
    config = scanner.config(camera=looping(), publish=mqtt(broker, unheard="keep"), decide=QUICK)
    with (
        closing(Watchdog(tmp_path / "notify.sock")) as watchdog,
        Listener(broker.port) as listener,
        Daemon(config, **watchdog.environment, **clock.environment) as daemon,
    ):
        daemon.await_line("card decided")
        scan_on(daemon, watchdog)
        right = datetime.now(UTC)
        assert scans_at(listener, right + WRONG_AT_BOOT)
        paths = [ask(listener, "small", "backup")["data"]["path"]]
        for offset in STEPS.values():
            clock.step(offset)
            scan_on(daemon, watchdog)
            assert scans_at(listener, right + offset)
            paths.append(ask(listener, "small", "backup")["data"]["path"])
        unsynced = len(listener.heard("/scan"))
        clock.is_set()
        scan_on(daemon, watchdog)
        state = ask(listener, "small", "status")["data"]
        assert daemon.stop() == 0, daemon.tail()
        listener.wait_for(lambda heard: heard[-1].payload == b"offline", 30)
        scans = [each.json() for each in listener.heard("/scan")]
        heard = heard_scans(listener)

    assert [alarm for alarm in ALARMS if daemon.said(alarm)] == []
    assert watchdog.longest_s < WATCHDOG_S
    assert len(daemon.said("connected")) == 1

    assert len(scans) == len(daemon.said("card decided"))
    assert [seq for _, seq, _ in heard] == list(range(1, len(heard) + 1))
    assert len({epoch for epoch, _, _ in heard}) == 1
    assert len({identity for _, _, identity in heard}) == len(heard)
    monotonic = [scan["mono_ms"] for scan in scans]
    assert monotonic == sorted(monotonic)

    assert {scan["ts_source"] for scan in scans[:unsynced]} == {"unsynced"}
    assert scans[-1]["ts_source"] == "ntp"
    assert 0 < state["uptime_s"] < 600
    assert state["clock"]["synced"] is True

    with closing(Outbox.open(OutboxConfig(path=scanner.outbox))) as outbox:
        assert (outbox.replaced, outbox.last_seq) == (None, len(heard))
        assert len(list(outbox.held(1, 10_000))) == len(heard)  # what was delivered stays, whatever its date
    assert len(paths) <= KEEP
    assert [Path(each).is_file() for each in paths] == [True] * len(paths)


def test_commands_are_judged_by_their_age_and_not_by_the_clock(tmp_path, broker):
    scanner = small_scanner(tmp_path / "scanner", lie=4, empty=4)
    clock = WallClock(tmp_path / "clock")
    config = scanner.config(camera=looping(), publish=mqtt(broker), decide=QUICK)
    with Listener(broker.port) as listener, Daemon(config, **clock.environment) as daemon:
        daemon.await_line("ready")
        for number, offset in enumerate(STEPS.values()):
            clock.step(offset)
            listener.say(
                "cardscanner/small/cmd/ping",
                json.dumps({"transaction": f"in time {number}"}).encode(),
                MessageExpiryInterval=30,
            )
            listener.say("cardscanner/small/cmd/backup", b'{"transaction": "once"}')
            listener.wait_for(lambda _, number=number: bool(answers_to(listener, f"in time {number}")), 20)
        listener.wait_for(lambda _: bool(answers_to(listener, "once")), 20)
        assert daemon.stop() == 0, daemon.tail()
        for number in range(len(STEPS)):
            assert [each["status"] for each in answers_to(listener, f"in time {number}")] == ["ok"]
    done = [line for line in daemon.said("command") if line["transaction"] == "once"]
    assert len(done) == 1  # the same transaction within five minutes is the same command, in any year
    assert len(list((scanner.root / "backups").iterdir())) == 1
