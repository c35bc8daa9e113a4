"""Commands, acknowledgements and replays through a real Mosquitto."""

import json
import time

import pytest
from brokers import Mosquitto
from commanding import PREFIX, YesDesk, answers_to, ask, ask_privately
from listeners import Listener
from publishing import Publishing
from scans import DEVICE, store

from cardscanner.publish import acks

PING = f"cardscanner/{DEVICE}/cmd/ping"


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    broker = Mosquitto(tmp_path_factory.mktemp("broker")).start()
    yield broker
    broker.stop()


def connected(publishing, listener):
    """Wait until it hears commands."""
    publishing.wait_for(lambda status: status.connected)
    listener.wait_for(lambda heard: any(each.topic.endswith("/state") for each in heard))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_command_is_answered_with_either_version(tmp_path, broker, protocol):
    desk = YesDesk()
    with (
        Listener(broker.port) as listener,
        Publishing(tmp_path, broker, desk=desk, protocol=protocol) as publishing,
    ):
        connected(publishing, listener)
        answer = ask(listener, DEVICE, "ping")
        assert (answer["status"], answer["data"]["device"]) == ("ok", DEVICE)
        publishing.wait_for(lambda status: status.commands == {"answered": 1})


def test_version_5_says_what_an_answer_is_and_for_how_long(tmp_path, broker):
    with (
        Listener(broker.port) as listener,
        Publishing(tmp_path, broker, desk=YesDesk()) as publishing,
    ):
        connected(publishing, listener)
        ask_privately(listener, DEVICE, "ping", b"\x00\x01")
        (answer,) = [each for each in listener.heard() if each.topic.startswith(PREFIX)]
        assert (answer.content_type, answer.qos, answer.retain) == ("application/json", 1, False)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_retained_command_that_waits_on_the_broker_is_not_carried_out(tmp_path, broker, protocol):
    desk = YesDesk()
    with Listener(broker.port) as listener:
        listener.say(PING, b'{"transaction": "ghost"}', retain=True)
        listener.wait_for(lambda heard: any(each.topic == PING for each in heard))
        with Publishing(tmp_path, broker, desk=desk, protocol=protocol) as publishing:
            connected(publishing, listener)
            ask(listener, DEVICE, "ping")
        listener.say(PING, b"", retain=True)
        assert answers_to(listener, "ghost") == []
    assert len(desk.taken) == 1


def test_a_huge_command_does_not_reach_us_and_the_next_one_does(tmp_path, broker):
    with (
        Listener(broker.port, (f"cardscanner/{DEVICE}/#",)) as listener,
        Publishing(tmp_path, broker, desk=YesDesk()) as publishing,
    ):
        connected(publishing, listener)
        listener.say(PING, b" " * 10_000_000)
        assert ask(listener, DEVICE, "ping")["status"] == "ok"
        assert publishing.status.connected
        assert "too_large" not in publishing.status.commands


def test_with_version_3_a_huge_command_is_refused(tmp_path, broker):
    with (
        Listener(broker.port, (f"cardscanner/{DEVICE}/rsp/#", f"cardscanner/{DEVICE}/state")) as listener,
        Publishing(tmp_path, broker, desk=YesDesk(), protocol="3.1.1") as publishing,
    ):
        connected(publishing, listener)
        listener.say(PING, b" " * 10_000_000)
        heard = listener.wait_for(lambda heard: any("/rsp/" in each.topic for each in heard), 30)
        assert heard[-1].json()["error"]["code"] == "too_large"


def test_where_commands_are_switched_off_nothing_is_heard(tmp_path, broker):
    desk = YesDesk()
    with (
        Listener(broker.port) as listener,
        Publishing(tmp_path, broker, desk=desk, commands=False) as publishing,
    ):
        connected(publishing, listener)
        listener.say(PING, b"{}")
        time.sleep(0.5)
    assert desk.taken == []


def test_many_commands_at_once_are_all_answered_once(tmp_path, broker):
    with (
        Listener(broker.port) as listener,
        Publishing(tmp_path, broker, desk=YesDesk()) as publishing,
    ):
        connected(publishing, listener)
        for number in range(150):
            listener.say(PING, json.dumps({"transaction": f"t-{number}"}).encode())
        listener.wait_for(lambda heard: sum("/rsp/" in each.topic for each in heard) >= 150, 30)
        answers = [each.json()["transaction"] for each in listener.heard("/rsp/ping")]
    assert sorted(answers) == sorted(f"t-{number}" for number in range(150))


def test_a_scan_is_kept_until_the_consumer_has_confirmed_it(tmp_path, broker):
    with (
        Listener(broker.port) as listener,
        Publishing(tmp_path, broker, state_every_s=1, await_ack=["inventory"], desk=YesDesk()) as publishing,
    ):
        stamps = store(publishing.outbox, 5)
        publishing.wait_for(lambda status: status.unacknowledged == 5)
        assert publishing.outbox.depth == 5
        ack = {"epoch": stamps[0].epoch, "seq": 4}
        listener.say(f"cardscanner/{DEVICE}/ack/inventory", json.dumps(ack).encode())
        publishing.wait_for(lambda status: status.unacknowledged == 1)
        assert publishing.outbox.depth == 1
        listener.wait_for(
            lambda heard: any(
                each.json()["outbox"]["unacknowledged"] == 1 and each.json()["outbox"]["depth"] == 1
                for each in heard
                if each.topic.endswith("/state")
            )
        )


@pytest.mark.slow
def test_what_a_consumer_does_not_confirm_is_sent_again(tmp_path, broker):
    """After half a minute; the same id, so that a consumer which has it can drop it."""
    with (
        Listener(broker.port) as listener,
        Publishing(tmp_path, broker, desk=YesDesk(), await_ack=["inventory"]) as publishing,
    ):
        (stamp,) = store(publishing.outbox, 1)
        listener.wait_for(lambda _: len(listener.heard("/scan")) >= 2, acks.FIRST_S * 1.2 + 5)
        assert [each.json()["id"] for each in listener.heard("/scan")] == [stamp.id] * 2


def test_replayed_rows_come_marked_after_what_waits(tmp_path, broker):
    with Listener(broker.port) as listener, Publishing(tmp_path, broker) as publishing:
        store(publishing.outbox, 8)
        publishing.wait_for(lambda status: status.delivered == 8)
        publishing.outbox.forget_delivered(now=True)
        assert publishing.replays.ask(3, 6)
        listener.wait_for(lambda _: len(listener.heard("/scan")) == 12)
        again = [each.json() for each in listener.heard("/scan")][8:]
        first = {each["seq"]: each for each in [each.json() for each in listener.heard("/scan")][:8]}
    assert [each["seq"] for each in again] == [3, 4, 5, 6]
    assert [{**each, "replayed": False} for each in again] == [first[seq] for seq in (3, 4, 5, 6)]


def test_reason_codes_are_counted_and_shown_in_the_state(tmp_path, broker):
    with Publishing(tmp_path, broker, state_every_s=1) as publishing:
        store(publishing.outbox, 3)  # nobody subscribes: reason 16
        publishing.wait_for(lambda status: status.answers.get(16, 0) == 3)
        with Listener(broker.port) as listener:
            store(publishing.outbox, 2)
            listener.wait_for(
                lambda heard: any(
                    each.json()["broker"]["answers"] == {"16": 3, "0": 2}
                    for each in heard
                    if each.topic.endswith("/state")
                )
            )
