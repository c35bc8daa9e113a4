"""``undo``: the page and the command take a scan back in the same way, and subscribers hear of it."""

from __future__ import annotations

import json

import pytest
from commanding import PREFIX
from control_rooms import Bench
from scans import FACTS, scan_event
from small_scanner import small_scanner

from cardscanner.control.undo import set_undone
from cardscanner.errors import CommandRefused
from cardscanner.publish.messages import Message
from cardscanner.publish.scan import store_message


@pytest.fixture
def bench(tmp_path):
    bench = Bench(small_scanner(tmp_path / "scanner").config(corrections={"folder": "corrections"}))
    bench.history.behind = False  # as after its thread's first round
    yield bench
    bench.close()


def scan(bench, count):
    ids = []
    for number in range(count):
        stamp, message = store_message(bench.outbox, scan_event(number), FACTS)
        bench.history.add(message, b"jpeg")
        ids.append(stamp.id)
    return ids


def ask(bench, command, **arguments):
    payload = json.dumps(arguments).encode()
    bench.reception.hear(Message(f"cardscanner/small/cmd/{command}", payload, response_topic=f"{PREFIX}me"))
    bench.work()
    return json.loads(bench.reception.replies()[0].payload)


def events(bench):
    told = [json.loads(row.payload) for row in bench.outbox.pending(0, 1000) if row.topic.endswith("/event")]
    return [(each["event_type"], each["data"]["scan"]) for each in told]


def test_without_an_event_the_newest_that_counts_is_undone(bench):
    first, second = scan(bench, 2)
    answers = [ask(bench, "undo", transaction=f"t{number}") for number in range(3)]
    assert [each["status"] for each in answers] == ["ok", "ok", "error"]
    assert answers[0]["data"] == {"event": second, "card_id": "base1-1", "undone": True}
    assert answers[2]["error"]["code"] == "not_found"
    assert events(bench) == [("scan_undone", second), ("scan_undone", first)]
    assert bench.history.counts().cards == 0


def test_twice_is_once_and_redo_lets_it_count_again(bench):
    (identity,) = scan(bench, 1)
    assert set_undone(bench.room, identity, undone=True).undone
    assert set_undone(bench.room, identity, undone=True).undone
    answer = ask(bench, "undo", event=identity, redo=True)
    assert answer["data"]["undone"] is False
    assert events(bench) == [("scan_undone", identity), ("scan_redone", identity)]
    assert bench.history.counts().cards == 1


def test_an_unknown_scan_and_a_redo_without_one_are_refused(bench):
    assert ask(bench, "undo", event="7" + "Z" * 25)["error"]["code"] == "not_found"
    assert ask(bench, "undo", redo=True)["error"]["code"] == "bad_request"
    with pytest.raises(CommandRefused):
        set_undone(bench.room, "7" + "Z" * 25, undone=True)
    assert events(bench) == []


def test_a_correction_is_noted_in_the_history_and_takes_its_photo_along(bench):
    (identity,) = scan(bench, 1)
    answer = ask(bench, "correction", event=identity, card_id="card-001")
    assert answer["data"] == {
        "event": identity, "card_id": "card-001", "decision": "match", "picture": True,
    }  # fmt: skip
    assert bench.history.entry(identity).corrected == "card-001"
    stored = bench.room.config.corrections.folder / f"{identity}.jpg"
    assert stored.read_bytes() == b"jpeg"
