"""The history: newest scans at once, batches on the disk, undo, sessions, counts, and what a kill leaves."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing, suppress

import pytest
from histories import Keeping, keeping
from scans import FACTS, scan_event

from cardscanner.config import HistoryConfig
from cardscanner.errors import CommandRefused, HistoryFault
from cardscanner.history import Counts, History
from cardscanner.history.keeping import HistoryKeeper
from cardscanner.publish.event import store_event
from cardscanner.publish.scan import store_message
from cardscanner.vitals import Vitals

MIB = 2**20


@pytest.fixture
def kept(tmp_path):
    with keeping(tmp_path) as each:
        yield each


def test_a_scan_is_there_at_once_and_still_after_it_was_written(kept: Keeping):
    ids = kept.scan(3)
    before = kept.history.page(None, 10)
    kept.history.write()
    after = kept.history.page(None, 10)
    assert [each.id for each in before] == ids[::-1]
    assert after == before
    assert after[0].card == {
        "game": "pokemon", "card_id": "base1-3", "name": "Card 3", "set": "base1",
        "number": "3", "lang": "en", "finish": None,
    }  # fmt: skip
    assert after[0].candidate_ids == tuple(f"base1-{number}" for number in range(3, 8))
    assert kept.history.stored_scans == 3


def test_pages_go_on_across_what_is_written_and_what_is_not(kept: Keeping):
    ids = kept.scan(4)
    kept.history.write()
    ids += kept.scan(3)
    pages, before = [], None
    while batch := kept.history.page(before, 2):
        pages.append([each.id for each in batch])
        before = batch[-1].id
    assert [each for page in pages for each in page] == ids[::-1]
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    assert kept.history.page("0" * 26, 2) == []


def test_photos_are_given_back_before_and_after_writing(kept: Keeping):
    (with_photo,) = kept.scan(1, photo=b"jpeg")
    (without,) = kept.scan(1, photo=None)
    for _ in range(2):
        assert kept.history.photo(with_photo) == b"jpeg"
        assert kept.history.photo(without) is None
        assert [each.has_photo for each in kept.history.page(None, 2)] == [False, True]
        kept.history.write()
    assert kept.history.photo("0" * 26) is None


@pytest.mark.parametrize("written", [True, False])
def test_undo_and_redo_hold_for_scans_on_the_disk_and_in_memory(kept: Keeping, written):
    first, second = kept.scan(2)
    if written:
        kept.history.write()
    assert kept.history.counts() == Counts(scans=2, cards=2, undone=0, distinct=2)
    assert kept.history.undo(second).undone
    assert kept.history.counts() == Counts(scans=2, cards=1, undone=1, distinct=1)
    assert kept.history.last().id == first
    kept.reopen()
    assert kept.history.entry(second).undone
    assert not kept.history.redo(second).undone
    assert kept.history.last().id == second
    assert kept.history.counts().cards == 2


def test_what_is_not_known_cannot_be_undone(kept: Keeping):
    with pytest.raises(CommandRefused, match="not known") as refused:
        kept.history.undo("0" * 26)
    assert refused.value.code == "not_found"


def test_a_correction_counts_as_the_card_that_it_names(kept: Keeping):
    first, second = kept.scan(2)
    kept.history.corrected(second, "base1-1")
    assert kept.history.entry(second).corrected == "base1-1"
    assert kept.history.counts() == Counts(scans=2, cards=2, undone=0, distinct=1)
    kept.reopen()
    assert kept.history.entry(second).card_id == "base1-1"
    assert kept.history.counts().distinct == 1
    assert kept.history.entry(first).corrected is None


def test_scans_without_a_certain_card_are_counted_as_scans_only(kept: Keeping):
    kept.scan(2, decision="ambiguous")
    kept.scan(1)
    assert kept.history.counts() == Counts(scans=3, cards=1, undone=0, distinct=1)


def test_sessions_divide_the_scans_also_after_a_restart(kept: Keeping):
    kept.scan(2)
    box = kept.history.begin_session("box 12")
    kept.scan(3)
    kept.reopen()
    (later,) = kept.scan(1)
    sessions = kept.history.sessions()
    assert [(each.name, each.current) for each in sessions] == [("Session 1", False), ("box 12", True)]
    assert kept.history.entry(later).session == box.id
    assert kept.history.counts(box.id).scans == 4
    assert kept.history.counts(sessions[0].id).scans == 2
    assert [each.session for each in kept.history.page(None, 10, box.id)] == [box.id] * 4
    assert len(list(kept.history.export_rows(sessions[0].id))) == 2


def test_rows_are_exported_oldest_first_with_what_was_said_about_them(kept: Keeping):
    ids = kept.scan(600)
    kept.history.write()
    ids += kept.scan(10)
    kept.history.undo(ids[7])
    rows = list(kept.history.export_rows(None))
    assert [each.id for each in rows] == ids
    assert [each.id for each in rows if each.undone] == [ids[7]]


def test_listeners_hear_each_change_until_they_stop(kept: Keeping):
    heard = []
    stop = kept.history.listen(lambda kind, entry: heard.append((kind, entry.seq)))
    (identity,) = kept.scan(1)
    kept.history.undo(identity)
    kept.history.undo(identity)
    kept.history.redo(identity)
    kept.history.corrected(identity, "base1-9")
    kept.history.tell()
    assert heard == [("scan", 1), ("undone", 1), ("redone", 1), ("corrected", 1)]
    stop()
    kept.scan(1)
    kept.history.tell()
    assert len(heard) == 4


def test_what_a_kill_took_from_memory_is_taken_from_the_outbox_with_what_was_undone(tmp_path):
    with keeping(tmp_path) as kept:
        kept.scan(3)
        kept.history.write()
        _, fifth = kept.scan(2)
        store_event(kept.outbox, FACTS.device_id, "scan_undone", {"scan": fifth})
        expected = [each.id for each in kept.history.page(None, 10)]
        kept.forget()
        kept.scan(1)  # while it has not caught up yet, nothing gets lost either
        kept.keeper.step(0)
        found = kept.history.page(None, 10)
        assert [each.id for each in found[1:]] == expected
        assert [each.seq for each in found] == [7, 5, 4, 3, 2, 1]
        assert [each.id for each in found if each.undone] == [fifth]


def test_more_than_memory_holds_is_caught_up_later_and_everybody_hears_of_it(kept: Keeping):
    heard = []
    kept.history.listen(lambda kind, entry: heard.append(entry.seq))
    ids = kept.scan(1500)
    assert kept.history.behind
    kept.keeper.step(0)
    assert not kept.history.behind
    assert [each.id for each in kept.history.export_rows(None)] == ids
    assert heard == list(range(1, 1001))


def test_a_batch_waits_until_it_is_worth_writing(kept: Keeping):
    kept.scan(10)
    kept.keeper.step(0)
    assert kept.history.stored_scans == 0
    kept.scan(60)
    kept.keeper.step(0)
    assert kept.history.stored_scans == 70


def test_the_file_stays_below_its_quota_and_oldest_photos_go_first(tmp_path):
    with keeping(tmp_path, max_bytes=2 * MIB) as kept:
        for _ in range(20):
            ids = kept.scan(50, photo=os.urandom(4000))
            kept.history.write()
            sizes = [each.stat().st_size for each in tmp_path.glob("history.db*")]
            assert sum(sizes) <= 2 * MIB
        rows = list(kept.history.export_rows(None))
        assert len(rows) == 1000
        have = [each.has_photo for each in rows]
        assert have == sorted(have)
        assert have[-250:] == [True] * 250
        assert kept.history.photo(ids[-1]) is not None


def test_when_no_photo_is_left_the_oldest_scans_go(tmp_path):
    with keeping(tmp_path, max_bytes=MIB) as kept:
        for _ in range(10):
            kept.scan(300, photo=None)
            kept.history.write()
        rows = list(kept.history.export_rows(None))
        assert (tmp_path / "history.db").stat().st_size <= MIB
        assert rows[-1].seq == 3000
        assert 500 < len(rows) < 3000
        assert [each.seq for each in rows] == list(range(rows[0].seq, 3001))
        assert kept.history.counts().scans == len(rows) == kept.history.stored_scans


def test_a_quota_that_was_lowered_makes_the_file_smaller(tmp_path):
    with keeping(tmp_path, max_bytes=4 * MIB) as kept:
        kept.scan(500, photo=os.urandom(4000))
        kept.history.write()
    assert (tmp_path / "history.db").stat().st_size > 2 * MIB
    with keeping(tmp_path, max_bytes=MIB) as kept:
        kept.scan(1)
        kept.history.write()
        assert (tmp_path / "history.db").stat().st_size <= MIB
        assert kept.history.counts().scans == 501


@pytest.mark.parametrize("damage", ["header", "middle", "cut", "no database"])
def test_a_damaged_file_is_moved_aside_and_told_once_and_the_outbox_fills_a_new_one(tmp_path, damage):
    with keeping(tmp_path) as kept:
        kept.scan(300, photo=os.urandom(2000))
    path = tmp_path / "history.db"
    content = bytearray(path.read_bytes())
    match damage:
        case "header":
            content[:100] = bytes(range(100))
        case "middle":
            content[1024:] = os.urandom(len(content) - 1024)
        case "cut":
            del content[len(content) // 3 :]
        case _:
            content = bytearray(b"scans, scans, scans\n" * 100)
    path.write_bytes(content)
    with keeping(tmp_path) as kept:
        kept.scan(1)
        kept.keeper.retry()
        kept.keeper.step(0)
        assert [each.seq for each in kept.history.export_rows(None)] == list(range(1, 302))
        assert kept.history.counts().scans == 301
    assert [each.name for each in tmp_path.glob("*.damaged-*") if each.stat().st_size] == [
        "history.db.damaged-1"
    ]


def test_a_scan_that_is_damaged_inside_is_left_out_and_the_others_stay(kept: Keeping, tmp_path):
    ids = kept.scan(3)
    kept.history.write()
    with closing(sqlite3.connect(tmp_path / "history.db")) as other, other:
        other.execute("UPDATE scan SET details = ? WHERE id = ?", (b"nonsense", ids[1]))
    assert [each.id for each in kept.history.page(None, 10)] == [ids[2], ids[0]]
    assert kept.history.entry(ids[1]) is None


def test_a_folder_that_cannot_be_written_is_a_state_and_not_an_end(tmp_path):
    (tmp_path / "blocked").write_text("a file where a folder should be", encoding="ascii")
    with keeping(tmp_path) as kept:
        kept.history.close()
        vitals = Vitals()
        history = History.open(tmp_path / "blocked" / "history.db", HistoryConfig(), kept.outbox)
        keeper = HistoryKeeper(history, kept.outbox, vitals, tmp_path, 0)
        _, message = store_message(kept.outbox, scan_event(1), FACTS)
        history.add(message, b"jpeg")
        keeper.step(0)
        assert vitals.reasons == ("history",)
        (tmp_path / "blocked").unlink()
        keeper.retry()
        keeper.step(0)
        assert vitals.reasons == ()
        assert history.counts().scans == 1
        history.close()


def test_whatever_bytes_are_changed_the_history_works_on(tmp_path):
    chance = random.Random(5)
    with keeping(tmp_path) as kept:
        kept.scan(120, photo=os.urandom(1500))
    sound = (tmp_path / "history.db").read_bytes()
    for number in range(25):
        content = bytearray(sound)
        for _ in range(chance.choice((1, 8, 200))):
            content[chance.randrange(len(content))] ^= chance.randrange(1, 256)
        for each in tmp_path.glob("history.db*"):
            each.unlink()
        (tmp_path / "history.db").write_bytes(content)
        with keeping(tmp_path) as kept:
            (newest,) = kept.scan(1)
            for _ in range(2):
                with suppress(HistoryFault):
                    list(kept.history.export_rows(None))
                kept.keeper.retry()
                kept.keeper.step(0)
            assert kept.history.page(None, 1)[0].id == newest, number
            kept.history.photo(newest)
            kept.history.counts()
            assert "history" not in kept.vitals.reasons
