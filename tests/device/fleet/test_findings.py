"""What needs a person: each trouble by name, with words and what to do."""

from datetime import UTC, datetime, timedelta

import pytest
from fleets import info_of, state_of, update_of

from cardscanner.fleet.box import Box, Moment
from cardscanner.fleet.findings import findings_of, span
from cardscanner.fleet.words import Word
from cardscanner.publish.payload_state import (
    BrokerState,
    CameraState,
    ClockState,
    DiskState,
    NpuState,
    OutboxState,
    PowerState,
)
from cardscanner.publish.payload_update import ChangePayload

NOW = datetime.now(UTC)


def at(s):
    return Moment(1000.0 + s, NOW + timedelta(seconds=s))


def box_of(status="online", update=None, *, kept=False, **state):
    box = Box("box-1")
    for kind, said in (
        ("status", status),
        ("info", info_of()),
        ("state", state_of(**{"ts": NOW, **state})),
        ("update", update or update_of()),
    ):
        box.take(Word("box-1", kind, said), kept=kept, now=at(0))
    return box


def named(box, s=1.0, listening_s=990.0):
    return [(each.level, each.name) for each in findings_of(box, at(s), listening_s)]


def test_of_a_box_that_is_well_there_is_nothing_to_say():
    assert named(box_of()) == []


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"reasons": ("camera_lost",), "camera": CameraState(state="lost", fps=0)}, ("bad", "camera_lost")),
        ({"reasons": ("npu_mismatch",), "npu": NpuState(state="mismatch")}, ("bad", "npu_mismatch")),
        ({"reasons": ("mqtt_denied",)}, ("bad", "mqtt_denied")),
        ({"reasons": ("weather",)}, ("bad", "weather")),
        ({"npu": NpuState(state="ok", temp_c=96.0)}, ("warning", "npu_hot")),
        ({"disk": DiskState(free_bytes=1000)}, ("bad", "disk_full")),
        ({"clock": ClockState(synced=False)}, ("warning", "clock_unset")),
        ({"power": PowerState(throttled=1)}, ("bad", "power_low")),
        ({"outbox": OutboxState(depth=7, oldest_age_s=900)}, ("warning", "backlog")),
        ({"outbox": OutboxState(depth=0, unacknowledged=1000)}, ("warning", "unacknowledged")),
        ({"broker": BrokerState(connected=True, unheard=3)}, ("warning", "unheard")),
        ({"lifecycle": "starting", "uptime_s": 5}, ("note", "starting")),
        ({"lifecycle": "starting", "uptime_s": 500}, ("warning", "starting")),
        ({"scanning": False}, ("note", "paused")),
    ],
)
def test_each_trouble_of_a_state_has_its_name(state, expected):
    assert named(box_of(**state)) == [expected]


def test_a_trouble_that_the_box_names_comes_with_what_to_do():
    (found,) = findings_of(box_of(reasons=("camera_lost",)), at(1), 990.0)
    assert "cable" in found.fix


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        (update_of(latest_version="2026.12.1"), ("note", "update")),
        (update_of(change=ChangePayload(target="db", version="2", step="trial")), ("note", "trial")),
        (update_of(change=ChangePayload(target="db", version="2", step="downloading")), ("note", "updating")),
        (
            update_of(change=ChangePayload(target="db", step="rolled_back", why="bad")),
            ("warning", "rolled_back"),
        ),
        (update_of(change=ChangePayload(target="db", step="refused", why="old")), ("warning", "refused")),
    ],
)
def test_updates_are_told_of(update, expected):
    assert named(box_of(update=update)) == [expected]


def test_an_offline_box_says_since_when_if_that_was_seen_and_its_last_word_if_not():
    box = box_of()
    box.take(Word("box-1", "status", "offline"), kept=False, now=at(60))
    (seen,) = findings_of(box, at(180), 990.0)
    assert seen.level == "bad"
    assert "offline since" in seen.words
    assert "(2 min)" in seen.words
    (unseen,) = findings_of(box_of("offline", kept=True), at(7200), 990.0)
    assert "last word" in unseen.words


def test_the_troubles_of_an_offline_box_are_old_news():
    assert named(box_of("offline", reasons=("camera_lost",))) == [("bad", "offline")]


def test_a_box_that_was_stopped_in_order_is_no_accident():
    assert named(box_of("offline", lifecycle="stopping")) == [("warning", "stopped")]


def test_a_box_that_counts_as_online_and_says_nothing_is_silent():
    box = box_of()
    assert named(box, 90) == []
    assert named(box, 110) == [("bad", "silent")]
    assert named(box_of(every_s=600.0), 110) == []


def test_silence_is_not_judged_while_we_do_not_hear_the_broker():
    assert named(box_of(), 5000, listening_s=None) == []
    assert named(box_of(), 5000, listening_s=5990.0) == []


def test_what_the_broker_kept_of_a_box_that_is_long_gone_is_noticed_at_once():
    assert named(box_of(kept=True, ts=NOW - timedelta(days=2))) == [("bad", "silent")]


def test_two_programs_under_one_name_are_noticed_by_their_uptimes():
    box = box_of(uptime_s=5000.0)
    box.take(
        Word("box-1", "state", state_of(ts=NOW + timedelta(seconds=30), uptime_s=40)), kept=False, now=at(30)
    )
    assert named(box, 31) == []  # a restart
    box.take(
        Word("box-1", "state", state_of(ts=NOW + timedelta(seconds=60), uptime_s=5060)),
        kept=False,
        now=at(60),
    )
    assert named(box, 61) == [("bad", "clash")]
    assert ("bad", "clash") not in named(box, 700)


def test_states_that_come_late_and_a_clock_that_steps_are_no_clash():
    box = box_of(uptime_s=100.0)
    late = state_of(ts=NOW + timedelta(seconds=300), uptime_s=400)
    box.take(Word("box-1", "state", late), kept=False, now=at(1))
    stepped = state_of(ts=NOW - timedelta(days=9), uptime_s=430)
    box.take(Word("box-1", "state", stepped), kept=False, now=at(31))
    assert box.clash(1032.0) is None


def test_two_machines_under_one_name_are_noticed_by_their_serials():
    box = box_of()
    for s, serial in enumerate(("1000", "2000", "1000")):
        box.take(Word("box-1", "info", info_of(serial=serial)), kept=False, now=at(s))
    (found,) = findings_of(box, at(4), 990.0)
    assert found.name == "clash"
    assert "2000 and 1000 alternate" in found.words


@pytest.mark.parametrize(
    ("seconds", "words"), [(-3, "0 s"), (42, "42 s"), (600, "10 min"), (9000, "2 h"), (1e6, "12 days")]
)
def test_spans_are_for_people(seconds, words):
    assert span(seconds) == words
