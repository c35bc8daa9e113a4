import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scans import FACTS, DaemonFacts, open_outbox, scan_event

from cardscanner.publish.payload import ScanPayload
from cardscanner.publish.payload_info import InfoPayload
from cardscanner.publish.payload_state import BrokerState, StatePayload
from cardscanner.publish.rows import Stamp
from cardscanner.publish.scan import scan_payload
from cardscanner.records import Candidate, Card, Check, ScanEvent, Verdict

STAMP = Stamp(41822, "b3f0c1d2", "01J8ZK3T6Y6Q0R3W9C5F1M2N7P", 9_000_000_000, 1_790_769_603_412_000_000)
FIELDS = [
    *(
        "v",
        "event_type",
        "match",
        "id",
        "epoch",
        "seq",
        "device",
        "ts",
        "ts_source",
        "boot_id",
        "mono_ms",
        "camera",
    ),
    *(
        "card",
        "score",
        "margin",
        "check",
        "candidates",
        "repeat_of",
        "frames",
        "latency_ms",
        "model",
        "db",
        "image",
    ),
    *("replayed", "test"),
]

BROKER = BrokerState(connected=True, answers={"0": 7, "16": 1})

floats = st.floats(allow_nan=False, allow_infinity=False)
cards = st.builds(
    Card,
    card_id=st.text(),
    name=st.text(),
    artwork=st.integers(0, 10**6),
    metadata=st.dictionaries(st.sampled_from(["set", "number", "lang", "finish", "rarity"]), st.text()),
)
checks = st.builds(Check, st.floats(0, 1), st.floats(0, 1), st.none() | st.floats(-1, 1))
candidates = st.builds(Candidate, cards, floats, check=st.none() | checks)
verdicts = st.one_of(
    st.builds(
        Verdict,
        st.sampled_from(["match", "ambiguous"]),
        floats,
        floats,
        st.lists(candidates, min_size=1, max_size=6).map(tuple),
    ),
    st.builds(Verdict, st.just("no_match"), floats, floats, st.lists(candidates, max_size=6).map(tuple)),
)
events = st.builds(
    ScanEvent,
    verdict=verdicts,
    camera=st.text(),
    first_ns=st.integers(0, 2**62),
    decided_ns=st.integers(0, 2**62),
    frames=st.integers(0, 1000),
    corners=st.just(np.zeros((4, 2), np.float32)),
    upside_down=st.booleans(),
    latency_ms=st.dictionaries(st.text(max_size=10), floats, max_size=5),
    repeat_of=st.none() | st.text(),
)


@given(event=events, synced=st.booleans())
def test_every_scan_event_becomes_valid_json_that_validates_again(event, synced):
    made = scan_payload(event, STAMP, FACTS, synced=synced)
    text = made.to_bytes()
    assert list(json.loads(text)) == FIELDS
    again = ScanPayload.model_validate_json(text)
    assert again.to_bytes() == text
    assert (again.card is None) == (event.verdict.decision != "match")


def test_a_match_says_which_card_when_and_with_what():
    event = scan_event(7)
    payload = json.loads(scan_payload(event, STAMP, FACTS, synced=True).to_bytes())
    assert payload["card"] == {
        "game": "pokemon",
        "card_id": "base1-7",
        "name": "Card 7",
        "set": "base1",
        "number": "7",
        "lang": "en",
        "finish": None,
    }
    assert payload["candidates"][0] == {"card_id": "base1-7", "name": "Card 7", "score": 0.942}
    assert (payload["seq"], payload["epoch"], payload["id"]) == (41822, "b3f0c1d2", STAMP.id)
    assert (payload["device"], payload["camera"], payload["frames"]) == ("box-1", "top", 4)
    assert payload["model"] == {"name": "first", "sha256": "a" * 64}
    assert payload["db"] == {"version": "1", "sha256": "b" * 64}
    assert (payload["replayed"], payload["test"], payload["image"]) == (False, False, None)
    assert payload["latency_ms"]["search"] == 1.12


@pytest.mark.parametrize(
    ("decision", "match"), [("match", "exact"), ("ambiguous", "artwork"), ("no_match", "none")]
)
def test_every_answer_says_how_much_of_it_is_certain(decision, match):
    looked = Candidate(Card("a-1", "A", 0), 0.9, 7, Check(0.81234, 0.75, 0.2))
    event = replace(scan_event(1), verdict=Verdict(decision, 0.9, 0.4, (looked,)))
    payload = json.loads(scan_payload(event, STAMP, FACTS, synced=True).to_bytes())
    assert (payload["event_type"], payload["match"]) == (decision, match)
    assert payload["check"] == {"score": 0.8123, "share": 0.75, "number": None}


def test_the_collector_number_that_was_read_is_in_the_answer():
    looked = Candidate(Card("a-1", "A", 0), 0.9, 7, Check(0.8, 0.7, 0.0, "4/102"))
    event = replace(scan_event(1), verdict=Verdict("match", 0.9, 0.4, (looked,)))
    assert json.loads(scan_payload(event, STAMP, FACTS, synced=True).to_bytes())["check"]["number"] == "4/102"


def test_where_vectors_alone_decided_there_is_no_check():
    payload = json.loads(scan_payload(scan_event(1), STAMP, FACTS, synced=True).to_bytes())
    assert payload["check"] is None


def test_the_time_is_that_of_the_decision_not_of_the_storing():
    base = scan_event(1)
    event = ScanEvent(
        base.verdict, "top", 0, 8_000_000_000, 1, base.corners, upside_down=False, latency_ms={}
    )
    payload = json.loads(scan_payload(event, STAMP, FACTS, synced=True).to_bytes())
    assert payload["ts"] == "2026-09-30T12:00:02.412Z"
    assert payload["mono_ms"] == 8000
    assert payload["ts_source"] == "ntp"
    unset = json.loads(scan_payload(event, STAMP, FACTS, synced=False).to_bytes())
    assert unset["ts_source"] == "unsynced"


def test_a_score_that_is_no_number_is_refused_before_anything_is_stored(tmp_path):
    verdict = Verdict("match", float("nan"), 0.1, scan_event(1).verdict.candidates)
    base = scan_event(1)
    event = ScanEvent(verdict, "top", 0, 0, 1, base.corners, upside_down=False, latency_ms={})
    with pytest.raises(ValidationError, match="score"):
        scan_payload(event, STAMP, FACTS, synced=True)


def test_consumers_may_meet_fields_they_do_not_know():
    text = json.loads(scan_payload(scan_event(1), STAMP, FACTS, synced=True).to_bytes())
    assert ScanPayload.model_validate({**text, "colour": "blue"}).seq == 41822


@pytest.fixture
def facts(tmp_path):
    outbox = open_outbox(tmp_path)
    yield DaemonFacts(outbox)
    outbox.close()


def test_info_and_state_validate_again(facts):
    for payload, model in ((facts.info(), InfoPayload), (facts.state(), StatePayload)):
        assert model.model_validate_json(payload.to_bytes()).to_bytes() == payload.to_bytes()
    assert json.loads(facts.info().to_bytes())["topics"]["scan"] == "cardscanner/box-1/scan"


def test_a_ready_device_with_reasons_is_degraded(facts):
    state = facts.state()
    assert state.completed((), 0, 0, BROKER).lifecycle == "ready"
    worse = state.completed(("mqtt_denied",), 3, 5, BROKER)
    assert (worse.lifecycle, worse.reasons, worse.outbox.undeliverable) == ("degraded", ("mqtt_denied",), 3)
    stopping = state.model_copy(update={"lifecycle": "stopping", "reasons": ("camera_lost",)})
    both = stopping.completed(("mqtt_denied",), 0, 0, BROKER)
    assert (both.lifecycle, both.reasons) == ("stopping", ("camera_lost", "mqtt_denied"))


def test_figures_that_always_move_are_no_change_of_state(facts):
    state = facts.state()
    later = state.model_copy(update={"uptime_s": 99.0, "ts": state.ts + timedelta(seconds=9)})
    assert later.gist() == state.gist()
    assert state.model_copy(update={"scanning": False}).gist() != state.gist()


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2999, 1, 1)), st.integers(-12, 12))  # noqa: DTZ001
def test_times_are_utc_with_milliseconds(naive, hours):
    moment = naive.replace(tzinfo=timezone(timedelta(hours=hours)))
    payload = scan_payload(scan_event(1), STAMP, FACTS, synced=True).model_copy(update={"ts": moment})
    text = json.loads(payload.to_bytes())["ts"]
    assert text.endswith("Z")
    assert len(text) == len("2026-09-30T12:00:03.412Z")
    assert abs(datetime.fromisoformat(text) - moment.astimezone(UTC)) < timedelta(milliseconds=1)
