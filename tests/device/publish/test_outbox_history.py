"""What has arrived and is still in the file, and copies of the file."""

import sqlite3

import pytest
from scans import open_outbox, store

from cardscanner.config import OutboxConfig
from cardscanner.publish.outbox import Outbox


def deliver(outbox, *seqs):
    for row in outbox.pending(0, 1000):
        if not seqs or row.seq in seqs:
            outbox.delivered(row)
    outbox.forget_delivered(now=True)


def seqs_of(rows):
    return [row.seq for row in rows]


def test_the_newest_delivered_rows_stay_and_the_oldest_go(tmp_path):
    outbox = open_outbox(tmp_path, keep_delivered=4)
    store(outbox, 10)
    deliver(outbox)
    assert seqs_of(outbox.arrived(1, 100, 100)) == [7, 8, 9, 10]
    assert seqs_of(outbox.arrived(8, 9, 100)) == [8, 9]
    assert seqs_of(outbox.arrived(1, 100, 2)) == [7, 8]
    assert outbox.depth == 0
    outbox.close()


def test_what_overtook_others_has_arrived_and_what_waits_has_not(tmp_path):
    outbox = open_outbox(tmp_path)
    store(outbox, 5)
    deliver(outbox, 1, 3, 5)
    for _ in range(2):
        assert seqs_of(outbox.arrived(1, 100, 100)) == [1, 3, 5]
        assert seqs_of(outbox.pending(0, 100)) == [2, 4]
        outbox.close()
        outbox = open_outbox(tmp_path)
    deliver(outbox)
    assert seqs_of(outbox.arrived(1, 100, 100)) == [1, 2, 3, 4, 5]
    outbox.close()


def test_a_file_of_before_that_knows_no_mark_is_read_as_it_was_meant(tmp_path):
    outbox = open_outbox(tmp_path, keep_delivered=0)
    store(outbox, 5)
    deliver(outbox, 1, 2)
    outbox.close()
    with sqlite3.connect(tmp_path / "outbox.db") as connection:
        connection.execute("DELETE FROM meta WHERE key = 'arrived'")
        connection.execute("UPDATE outbox SET done = 1, crc = 4294967295 - crc WHERE seq = 2")
    connection.close()
    outbox = open_outbox(tmp_path)
    assert seqs_of(outbox.pending(0, 100)) == [3, 4, 5]
    assert seqs_of(outbox.arrived(1, 100, 100)) == [2]
    assert outbox.depth == 3
    outbox.close()


@pytest.mark.parametrize("mark", ["9 00000000", "x", "", "99 3c51b7f2", "-1 0", "3"])
def test_a_damaged_mark_is_noticed_for_rows_could_be_lost_through_it(tmp_path, mark):
    outbox = open_outbox(tmp_path)
    store(outbox, 9)
    deliver(outbox, 1)
    outbox.close()
    with sqlite3.connect(tmp_path / "outbox.db") as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'arrived'", (mark,))
    connection.close()
    outbox = open_outbox(tmp_path)
    assert outbox.replaced is not None
    assert "arrived" in outbox.damage
    outbox.close()


def test_a_copy_is_a_sound_outbox_with_an_epoch_of_its_own(tmp_path):
    outbox = open_outbox(tmp_path)
    store(outbox, 6)
    deliver(outbox, 1, 2)
    outbox.copy_to(tmp_path / "copy.db")
    store(outbox, 1)
    copy = Outbox.open(OutboxConfig(path=tmp_path / "copy.db"))
    assert copy.replaced is None
    assert copy.epoch != outbox.epoch
    assert seqs_of(copy.pending(0, 100)) == [3, 4, 5, 6]
    assert copy.last_seq == 6
    copy.close()
    outbox.close()


def test_one_row_that_nobody_takes_does_not_keep_all_later_ones_in_the_file(tmp_path):
    """A topic that is denied, or that nobody hears, holds its own rows back and no others."""
    outbox = open_outbox(tmp_path, keep_delivered=4)
    for _ in range(5):
        store(outbox, 10)
        deliver(outbox, *range(2, 100))
    assert seqs_of(outbox.pending(0, 100)) == [1]
    assert seqs_of(outbox.arrived(1, 100, 100)) == [47, 48, 49, 50]
    outbox.close()
    outbox = open_outbox(tmp_path, keep_delivered=4)
    assert (outbox.depth, outbox.last_seq) == (1, 50)
    deliver(outbox, 1)
    store(outbox, 3)
    deliver(outbox)
    assert seqs_of(outbox.arrived(1, 100, 100)) == [50, 51, 52, 53]
    assert outbox.pending(0, 100) == []
    outbox.close()
