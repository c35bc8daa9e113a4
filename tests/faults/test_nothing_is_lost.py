"""The promise of the outbox, tried with a real broker: what was committed arrives, whoever dies."""

import sys
from pathlib import Path

import pytest
from brokers import Mosquitto
from killing import (
    Account,
    ChildProcess,
    Killer,
    KillPlan,
    heard_scans,
    read_commits,
    wait_until_online,
    witness,
)
from scans import open_outbox

CHILD = Path(__file__).parents[1] / "scanning_child.py"
SCANS_PER_S = 100


def size_of(path):
    return path.stat().st_size if path.exists() else 0


@pytest.mark.parametrize(
    ("kills", "broker_kills"),
    [(4, 4), pytest.param(200, 50, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
)
def test_nothing_committed_is_lost_when_scanner_and_broker_are_killed_again_and_again(
    tmp_path, kills, broker_kills
):
    broker_life_s = (0.4, 2.4) if kills == broker_kills else (2.0, 10.0)
    plan = KillPlan(kills, broker_kills, start_s=60.0, broker_life_s=broker_life_s, seed=20261122)
    broker = Mosquitto(tmp_path / "broker", persistence=True).start()
    child = ChildProcess(
        [sys.executable, str(CHILD), str(tmp_path), str(broker.port)], tmp_path / "child.log"
    )
    commit_file = tmp_path / "commits.txt"
    try:
        with witness(broker) as listener:
            Killer(child, broker, plan, lambda: size_of(commit_file), [str(SCANS_PER_S)]).run()
            heard_in_trouble = len(heard_scans(listener))
            child.kill()
            wait_until_online(listener, lambda: child.start("0"))
            commits = read_commits(commit_file)
            listener.wait_for(lambda _: not Account(commits, heard_scans(listener)).lost, timeout_s=60)
            assert child.stop() == 0, child.tail()
            account = Account(commits, heard_scans(listener))
    finally:
        child.end()
        broker.stop()

    outbox = open_outbox(tmp_path)
    left, last_seq, replaced = outbox.depth, outbox.last_seq, outbox.replaced
    outbox.close()

    assert account.lost == []
    assert account.gaps == []
    assert account.clashes == []
    assert account.late == []
    assert replaced is None
    assert left == 0
    assert last_seq == len(account.first) >= len(commits)
    assert {epoch for epoch, _ in account.first} == {next(iter(commits))[0]}
    # The trouble was real: scans were stored and delivered while it lasted, and some had to be sent again.
    assert len(commits) > 3 * kills
    assert kills < 30 or (heard_in_trouble > 50 and account.duplicates > 0)  # a few kills may all miss
    print(f"{len(commits)} committed, {account.duplicates} duplicates, {heard_in_trouble} heard in trouble")
