"""Copies of an outbox that another process writes as fast as it can."""

import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from scans import open_outbox, store

from cardscanner.config import OutboxConfig
from cardscanner.errors import OutboxFault
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.outbox_check import is_in_use
from cardscanner.publish.outbox_copy import copy_in_use

TESTS = Path(__file__).parents[2]
COPIES = 6


@pytest.fixture
def writer(tmp_path):
    """Another process that stores and never waits; gives the numbers that it has committed so far."""
    child = subprocess.Popen(
        [sys.executable, str(TESTS / "putting_child.py"), str(tmp_path)], stdout=subprocess.PIPE
    )
    committed, many = [], threading.Event()

    def read():
        for line in child.stdout:
            committed.append(int(line.split()[0]))
            if len(committed) > 20:
                many.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert many.wait(30)
    yield committed
    child.kill()
    child.wait()
    reader.join()
    child.stdout.close()


def test_every_copy_has_all_that_was_committed_before_it_and_is_sound(writer, tmp_path):
    assert is_in_use(tmp_path / "outbox.db")
    epochs = set()
    for number in range(COPIES):
        before = len(writer)
        copy = tmp_path / f"copy-{number}.db"
        copy_in_use(tmp_path / "outbox.db", copy)
        with closing(Outbox.open(OutboxConfig(path=copy))) as outbox:
            assert outbox.replaced is None, outbox.damage
            seqs = [row.seq for row in outbox.pending(0, 1_000_000)]
            epochs.add(outbox.epoch)
        assert {seq for seq in writer[:before] if seq % 10} <= set(seqs)  # every tenth is delivered
        assert seqs == sorted(seqs)
        copy.unlink()
    assert len(epochs) == COPIES


def test_one_whose_scanner_is_off_is_copied_too_and_stays_as_it_was(tmp_path):
    with closing(open_outbox(tmp_path)) as outbox:
        store(outbox, 5)
    before = (tmp_path / "outbox.db").read_bytes()
    copy_in_use(tmp_path / "outbox.db", tmp_path / "copy.db")
    assert (tmp_path / "outbox.db").read_bytes() == before
    with closing(Outbox.open(OutboxConfig(path=tmp_path / "copy.db"))) as copy:
        assert copy.last_seq == 5


def test_a_damaged_one_is_not_passed_off_as_a_backup(tmp_path):
    with closing(open_outbox(tmp_path)) as outbox:
        store(outbox, 50)
    whole = (tmp_path / "outbox.db").read_bytes()
    (tmp_path / "outbox.db").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OutboxFault, match=r"outbox\.db.*damaged"):
        copy_in_use(tmp_path / "outbox.db", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
