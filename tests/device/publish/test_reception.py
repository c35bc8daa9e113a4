"""Commands are taken at most once, and whatever comes is answered as the contract says or not at all."""

import json

import pytest
from commanding import PREFIX, YesDesk
from contract_check import check_answer
from control_rooms import Clock
from hypothesis import given, settings
from hypothesis import strategies as st
from scans import DEVICE, TOPICS, open_outbox, store

from cardscanner.publish.messages import Message
from cardscanner.publish.reception import MAX_COMMAND_BYTES, Reception
from cardscanner.publish.transactions import KEEP_S, MOST, Transactions


class Setup:
    def __init__(self, outbox=None):
        self.clock, self.desk = Clock(), YesDesk()
        self.reception = Reception(TOPICS, self.desk, outbox, Transactions(), PREFIX, self.clock)

    def ask(self, command="ping", request=None, device=DEVICE, **message):
        payload = request if isinstance(request, bytes) else json.dumps(request or {}).encode()
        self.reception.hear(Message(f"cardscanner/{device}/cmd/{command}", payload, **message))
        return self.reception.replies()


@pytest.fixture
def setup():
    return Setup()


def said(letters):
    return [(letter.topic, json.loads(letter.payload)) for letter in letters]


def code(letters):
    ((topic, answer),) = said(letters)
    assert topic.startswith(f"cardscanner/{DEVICE}/rsp/")
    check_answer(topic.rsplit("/", 1)[1], answer)
    return answer["error"]["code"]


def test_a_command_is_answered_on_its_topic_and_where_it_asked_for(setup):
    letters = setup.ask(request={"transaction": "t"}, response_topic=f"{PREFIX}me", correlation=b"7")
    assert [letter.topic for letter in letters] == [f"cardscanner/{DEVICE}/rsp/ping", f"{PREFIX}me"]
    assert {letter.payload for letter in letters} == {letters[0].payload}
    assert [(letter.correlation, letter.retain, letter.qos) for letter in letters] == [(b"7", False, 1)] * 2
    assert json.loads(letters[0].payload)["transaction"] == "t"


def test_an_empty_payload_is_an_empty_request_and_all_reaches_everybody(setup):
    assert said(setup.ask(request=b""))[0][1]["status"] == "ok"
    assert said(setup.ask(device="all"))[0][1]["status"] == "ok"
    assert setup.ask(device="box-2") == []


def test_a_retained_command_is_not_carried_out(setup):
    assert setup.ask(request={"transaction": "t"}, retain=True) == []
    assert (setup.desk.taken, setup.reception.counts) == ([], {"retained": 1})


def test_a_transaction_is_carried_out_and_answered_once_within_five_minutes(setup):
    assert len(setup.ask(request={"transaction": "t"})) == 1
    for _ in range(3):
        assert setup.ask(request={"transaction": "t"}) == []
    assert setup.ask("status", {"transaction": "t"}) == []
    assert len(setup.desk.taken) == 1
    setup.clock.now_s += KEEP_S + 1
    assert len(setup.ask(request={"transaction": "t"})) == 1


def test_who_repeats_a_command_gets_the_same_answer_once_more_in_private(setup):
    (first,) = setup.ask(request={"transaction": "t"})
    (again,) = setup.ask(request={"transaction": "t"}, response_topic=f"{PREFIX}me", correlation=b"2")
    assert (again.topic, again.payload, again.correlation) == (f"{PREFIX}me", first.payload, b"2")
    assert setup.ask("restart", {"transaction": "t"}, response_topic=f"{PREFIX}me") == []
    assert len(setup.desk.taken) == 1


def test_without_a_transaction_every_command_is_a_new_one(setup):
    assert [len(setup.ask()) for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"[]",
        b"3",
        b"null",
        b"\xff\xfe",
        b'{"transaction": 3}',
        b'{"more": 1}',
        b"[" * 5000,
        b'{"a":1e999}',
    ],
)
def test_what_is_no_request_is_refused(setup, payload):
    assert code(setup.ask(request=payload)) == "bad_request"
    assert setup.desk.taken == []


def test_a_mistake_in_one_field_still_names_the_transaction(setup):
    ((_, answer),) = said(setup.ask("scanning", {"transaction": "t", "on": "yes"}))
    assert (answer["transaction"], answer["error"]["code"]) == ("t", "bad_request")
    assert answer["error"]["message"].startswith("on: ")
    assert "yes" not in answer["error"]["message"]


def test_other_refusals_have_their_codes(setup):
    assert code(setup.ask("dance")) == "unknown_command"
    assert code(setup.ask(request=b" " * (MAX_COMMAND_BYTES + 1))) == "too_large"
    for topic in ("elsewhere", "cardscanner/other/cmd/restart", f"{PREFIX}#", f"{PREFIX}+/x", ""):
        assert code(setup.ask(response_topic=topic)) == "not_allowed", topic
    assert setup.desk.taken == []


@pytest.mark.parametrize("name", ["a/b", "", "Ping", "ä", "x" * 40, "..", "ping/"])
def test_names_that_cannot_be_commands_are_not_answered(setup, name):
    assert setup.ask(name) == []
    assert setup.reception.counts == {"ignored": 1}


def test_the_time_that_is_left_goes_with_the_order(setup):
    setup.ask(expiry_s=7)
    assert setup.desk.taken[0].deadline_s == setup.clock.now_s + 7


def test_an_answer_that_the_broker_would_not_take_becomes_an_error(setup):
    setup.reception.hear(Message(f"cardscanner/{DEVICE}/cmd/ping", b'{"transaction": "t"}'))
    ((_, answer),) = said(setup.reception.replies(max_packet=200))
    assert (answer["transaction"], answer["error"]["code"]) == ("t", "failed")


def test_too_many_transactions_are_not_carried_out_rather_than_twice():
    setup = Setup()
    for number in range(MOST):
        setup.reception.hear(Message(TOPICS.command("ping"), b'{"transaction": "%d"}' % number))
    setup.reception.replies()
    assert setup.ask(request={"transaction": "one more"}) == []
    assert setup.reception.counts["too_many"] == 1
    setup.clock.now_s += KEEP_S + 1
    assert len(setup.ask(request={"transaction": "one more"})) == 1


def test_acknowledgements_go_to_the_outbox_and_others_are_counted(tmp_path):
    outbox = open_outbox(tmp_path)
    outbox.await_acks(("inventory",))
    store(outbox, 2)
    for row in outbox.pending(0, 9):
        outbox.delivered(row)
    setup = Setup(outbox)
    ack = json.dumps({"epoch": outbox.epoch, "seq": 1}).encode()
    for consumer, payload in (("inventory", ack), ("somebody", ack), ("inventory", b"{"), ("inventory", b"")):
        setup.reception.hear(Message(f"cardscanner/{DEVICE}/ack/{consumer}", payload))
    assert setup.reception.counts == {"ack": 1, "ack_unknown": 1, "ack_malformed": 2}
    assert outbox.depth == 1
    outbox.close()


names = st.sampled_from(["ping", "set", "replay", "correction", "dance", "a/b"]) | st.text(max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
payloads = st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode())
messages = st.builds(
    Message,
    topic=names.map(lambda name: f"cardscanner/{DEVICE}/cmd/{name}"),
    payload=payloads | st.sampled_from([b'{"transaction": "1"}', b'{"transaction": "2", "on": true}']),
    retain=st.booleans(),
    response_topic=st.none() | st.text(max_size=9) | st.text(max_size=5).map(lambda end: PREFIX + end),
    correlation=st.none() | st.binary(max_size=9),
    expiry_s=st.none() | st.integers(0, 2**32 - 1),
)


@settings(max_examples=150, deadline=None)
@given(sent=st.lists(messages, max_size=12))
def test_whatever_comes_a_transaction_has_at_most_one_public_answer(sent):
    setup = Setup()
    public = []
    for message in sent:
        setup.reception.hear(message)
        for letter in setup.reception.replies():
            answer = json.loads(letter.payload)
            if letter.topic.startswith(f"cardscanner/{DEVICE}/rsp/"):
                public.append(answer["transaction"])
                check_answer(letter.topic.rsplit("/", 1)[1], answer)
            else:
                assert letter.topic.startswith(PREFIX)
                assert not set(letter.topic) & set("+#")
    named = [each for each in public if each is not None]
    assert len(named) == len(set(named))
    assert len(public) + setup.reception.counts["retained"] <= len(sent)
