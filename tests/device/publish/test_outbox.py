import json
import sqlite3
import threading

import pytest
from scans import FACTS, TOPICS, open_outbox, scan_event, store

from cardscanner.config import OutboxConfig
from cardscanner.errors import OutboxFault, OutboxFull
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.scan import store_scan


@pytest.fixture
def outbox(tmp_path):
    outbox = open_outbox(tmp_path)
    yield outbox
    outbox.close()


def put(outbox, text="x", latest=None):
    return outbox.put("topic", lambda stamp: f"{stamp.seq} {text}".encode(), latest=latest)


def reopened(outbox, tmp_path):
    outbox.close()
    return open_outbox(tmp_path)


def test_rows_come_back_in_order_with_what_their_stamps_said(outbox):
    stamps = [put(outbox) for _ in range(5)]
    rows = outbox.pending(0, 10)
    assert [(row.seq, row.id, row.epoch) for row in rows] == [(s.seq, s.id, s.epoch) for s in stamps]
    assert [row.payload for row in rows] == [b"%d x" % number for number in range(1, 6)]
    assert len({row.id for row in rows}) == 5


def test_reading_is_bounded_and_goes_on_after_a_row(outbox):
    for _ in range(5):
        put(outbox)
    assert [row.seq for row in outbox.pending(0, 2)] == [1, 2]
    assert [row.seq for row in outbox.pending(2, 2)] == [3, 4]
    assert [row.seq for row in outbox.pending(4, 2)] == [5]


def test_rows_and_epoch_survive_a_restart_and_numbers_are_never_used_again(outbox, tmp_path):
    first = put(outbox)
    for row in outbox.pending(0, 10):
        outbox.delivered(row)
    outbox.forget_delivered(now=True)
    again = reopened(outbox, tmp_path)
    second = put(again)
    rows = again.pending(0, 10)
    again.close()
    assert (first.seq, second.seq) == (1, 2)
    assert first.epoch == second.epoch
    assert [row.seq for row in rows] == [2]


def test_a_delivered_row_is_not_given_again_even_before_it_is_deleted(outbox):
    put(outbox)
    put(outbox)
    outbox.delivered(outbox.pending(0, 1)[0])
    assert [row.seq for row in outbox.pending(0, 10)] == [2]
    assert outbox.depth == 1


def test_delivered_rows_are_deleted_twenty_at_a_time(outbox):
    for _ in range(20):
        put(outbox)
    rows = outbox.pending(0, 20)
    for row in rows[:19]:
        outbox.delivered(row)
    assert outbox.forget_delivered() is False
    outbox.delivered(rows[19])
    assert outbox.forget_delivered() is True
    assert outbox.forget_delivered(now=True) is False


def test_a_row_of_an_earlier_epoch_marks_nothing_in_the_new_one(outbox, tmp_path):
    put(outbox)
    old = outbox.pending(0, 1)[0]
    outbox.close()
    (tmp_path / "outbox.db").write_bytes(b"not a database")
    fresh = open_outbox(tmp_path)
    put(fresh)
    fresh.delivered(old)
    waiting = fresh.depth
    fresh.close()
    assert waiting == 1


def test_at_the_cap_in_rows_storing_is_refused_and_nothing_is_dropped(tmp_path):
    outbox = open_outbox(tmp_path, max_rows=100)
    for _ in range(100):
        put(outbox)
    with pytest.raises(OutboxFull, match=r"100 messages .* bring the broker back"):
        put(outbox)
    assert outbox.depth == 100
    outbox.delivered(outbox.pending(0, 1)[0])
    assert put(outbox).seq == 101
    outbox.close()


def test_at_the_cap_in_bytes_storing_is_refused(tmp_path):
    outbox = open_outbox(tmp_path, max_bytes=2**20)
    outbox.put("topic", lambda _: bytes(2**20 - 10))
    with pytest.raises(OutboxFull):
        outbox.put("topic", lambda _: bytes(11))
    outbox.put("topic", lambda _: bytes(10))
    assert outbox.backlog().payload_bytes == 2**20
    outbox.close()


def test_a_message_that_cannot_be_composed_is_not_stored(outbox):
    def broken(_stamp):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        outbox.put("topic", broken)
    assert put(outbox).seq == 1


def test_the_newest_delivered_match_is_remembered_across_restarts(outbox, tmp_path):
    store(outbox, 3)
    store_scan(outbox, scan_event(9, "no_match"), FACTS)
    assert outbox.latest() == {}
    for row in outbox.pending(0, 10):
        outbox.delivered(row)
    assert json.loads(outbox.latest()[TOPICS.last])["seq"] == 3
    again = reopened(outbox, tmp_path)
    assert json.loads(again.latest()[TOPICS.last])["seq"] == 3
    assert (again.depth, again.pending(0, 10)) == (0, [])
    again.close()


def test_where_nothing_is_kept_for_replays_only_the_newest_delivered_row_stays_in_the_file(tmp_path):
    outbox = open_outbox(tmp_path, keep_delivered=0)
    for _ in range(3):
        store(outbox, 5)
        for row in outbox.pending(0, 10):
            outbox.delivered(row)
        outbox.forget_delivered(now=True)
    outbox.close()
    with sqlite3.connect(tmp_path / "outbox.db") as connection:
        assert connection.execute("SELECT seq, done FROM outbox").fetchall() == [(15, 0)]
    connection.close()


def test_attempts_in_vain_are_counted(outbox):
    put(outbox)
    put(outbox)
    outbox.tried_in_vain([2])
    outbox.tried_in_vain([2])
    assert [row.attempts for row in outbox.pending(0, 10)] == [0, 2]


def test_the_backlog_tells_how_much_waits_and_for_how_long(outbox):
    assert outbox.backlog().oldest_age_s is None
    put(outbox, "12345678")
    backlog = outbox.backlog()
    assert (backlog.depth, backlog.payload_bytes) == (1, 10)
    assert backlog.oldest_age_s is not None
    assert 0 <= backlog.oldest_age_s < 60


def test_the_bell_rings_when_a_row_is_committed(outbox):
    assert outbox.bell.wait(0) is False
    put(outbox)
    assert outbox.bell.wait(0) is True
    assert outbox.bell.wait(0) is False


def test_two_threads_store_while_one_delivers(outbox):
    def scan():
        for _ in range(200):
            put(outbox)

    scanners = [threading.Thread(target=scan) for _ in range(2)]
    for scanner in scanners:
        scanner.start()
    seen = []
    while len(seen) < 400:
        for row in outbox.pending(0, 64):
            outbox.delivered(row)
            seen.append(row.seq)
        outbox.forget_delivered()
    for scanner in scanners:
        scanner.join()
    assert seen == list(range(1, 401))


def test_a_second_process_on_the_same_file_is_refused(outbox, tmp_path):
    with pytest.raises(OutboxFault, match="second cardscanner"):
        Outbox.open(OutboxConfig(path=tmp_path / "outbox.db"), busy_s=0.1)


def test_a_closed_outbox_says_so(outbox):
    outbox.close()
    outbox.close()
    with pytest.raises(OutboxFault, match="closed"):
        put(outbox)


def test_a_folder_that_cannot_be_made_is_a_fault_with_its_path(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutboxFault, match=str(tmp_path / "file")):
        Outbox.open(OutboxConfig(path=tmp_path / "file" / "below" / "outbox.db"))
