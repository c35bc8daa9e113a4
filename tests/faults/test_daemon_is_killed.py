"""The promise of the outbox, kept by the real daemon: what it committed arrives, whoever dies."""

import time
from contextlib import closing

import pytest
from brokers import Mosquitto
from daemons import Daemon, daemon_command
from killing import Account, ChildProcess, Killer, KillPlan, heard_scans, wait_until_online, witness
from listeners import Listener
from small_scanner import small_scanner, write_film

from cardscanner.config import OutboxConfig
from cardscanner.publish import Outbox

FILM = {"backend": "replay", "path": "frames", "paced": False, "loop": True}
EMPTY = {"backend": "replay", "path": "empty", "loop": True, "fps": 10}
QUICK = {"gone_s": 0.05, "min_frames": 2, "max_frames": 4}


@pytest.fixture
def scanner(tmp_path):
    """A scanner whose film never ends; beside it lies one without cards."""
    made = small_scanner(tmp_path / "scanner", shown=(3, 7, 11, 5), lie=4, empty=4)
    write_film(made.root / "empty", (0,), lie=0, empty=3)
    return made


def configured(scanner, broker, camera):
    """``unheard: keep``: an answer then means that a subscriber has the scan, see killing.py."""
    publish = {"backend": "mqtt", "host": "127.0.0.1", "port": broker.port, "unheard": "keep"}
    return scanner.config(camera=camera, decide=QUICK, publish=publish)


def decided(log):
    """How many cards the daemon says it has decided, in all its lives."""
    return log.read_bytes().count(b'"card decided"') if log.exists() else 0


def lives(log):
    """How often the daemon has begun to scan; that is an event each time."""
    return log.read_bytes().count(b'"event": "ready"')


def last_committed(scanner):
    """Open the outbox, which checks every row of it, and return the newest sequence number."""
    with closing(Outbox.open(OutboxConfig(path=scanner.outbox))) as outbox:
        assert outbox.replaced is None, outbox.damage
        return outbox.last_seq, outbox.depth


@pytest.mark.parametrize(
    ("kills", "broker_kills"),
    [(3, 3), pytest.param(200, 50, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])],
)
def test_nothing_that_the_daemon_committed_is_lost_when_it_and_its_broker_are_killed(
    scanner, tmp_path, kills, broker_kills
):
    broker = Mosquitto(tmp_path / "broker", persistence=True).start()
    log = tmp_path / "daemon.log"
    plan = KillPlan(kills, broker_kills, start_s=60.0, broker_life_s=(0.5, 5.0), seed=20261122)
    child = ChildProcess(daemon_command(configured(scanner, broker, FILM)), log)
    try:
        with witness(broker) as listener:
            Killer(child, broker, plan, lambda: decided(log)).run()
            heard_in_trouble = len(heard_scans(listener))
            child.end()
            last_seq, _ = last_committed(scanner)
            configured(scanner, broker, EMPTY)
            wait_until_online(listener, child.start)
            listener.wait_for(lambda _: len(Account({}, heard_scans(listener)).first) >= last_seq, 90)
            assert child.stop() == 0, child.tail()
            account = Account({}, heard_scans(listener))
    finally:
        child.end()
        broker.stop()

    assert account.gaps == []
    assert account.clashes == []
    # Each topic is in order; one that the broker did not take for a moment may be overtaken by the other.
    for topic in ("/scan", "/event"):
        assert Account({}, heard_scans(listener, (topic,))).late == []
    assert last_committed(scanner) == (last_seq, 0)
    assert sorted(seq for _, seq in account.first) == list(range(1, last_seq + 1))
    assert len({epoch for epoch, _ in account.first}) == 1
    # The trouble was real: cards were decided and delivered while it lasted.
    assert kills // 2 < last_seq <= decided(log) + lives(log)
    assert kills < 30 or heard_in_trouble > kills  # a few kills may all hit while nobody listens
    print(f"{last_seq} committed, {account.duplicates} duplicates, {heard_in_trouble} heard in trouble")


def wait_until_decided(log, count):
    end_s = time.monotonic() + 60
    while decided(log) < count:
        assert time.monotonic() < end_s, log.read_text(encoding="utf-8")[-2000:]
        time.sleep(0.02)


def test_a_subscriber_with_a_session_misses_nothing_of_a_daemon_that_is_killed(scanner, tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    log = tmp_path / "daemon.log"
    child = ChildProcess(daemon_command(configured(scanner, broker, FILM)), log)
    try:
        with Listener(broker.port, session_s=600, away_s=lambda: 3.0) as listener:
            for leaves in (False, True):
                child.start()
                wait_until_decided(log, decided(log) + 2)
                if leaves:
                    listener.go_away()  # the broker keeps its messages meanwhile
                    wait_until_decided(log, decided(log) + 2)
                child.kill()
            last_seq, _ = last_committed(scanner)
            with Daemon(configured(scanner, broker, EMPTY)) as daemon:
                listener.wait_for(lambda _: len(Account({}, heard_scans(listener)).first) >= last_seq, 60)
                daemon.await_line("ready")
                assert daemon.stop() == 0, daemon.tail()
            account = Account({}, heard_scans(listener))
    finally:
        child.end()
        broker.stop()
    assert (account.gaps, account.clashes) == ([], [])
    assert last_committed(scanner) == (last_seq, 0)
    assert sorted(seq for _, seq in account.first) == list(range(1, last_seq + 1))
