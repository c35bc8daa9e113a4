"""What every way out owes the outbox, over each backend."""

import json
import shutil
import time

import pytest
from brokers import Mosquitto
from listeners import Listener
from publishing import mqtt_config
from scans import DEVICE, DaemonFacts, open_outbox, store

from cardscanner.config import StdoutConfig
from cardscanner.publish import open_publisher
from cardscanner.publish.payload import ScanPayload


class StdoutWay:
    def __init__(self, capfd):
        self._capfd = capfd
        self._text = ""

    config = StdoutConfig(backend="stdout")

    def arrived(self):
        self._text += self._capfd.readouterr().out
        return [json.loads(line) for line in self._text.splitlines()]


class MqttWay:
    def __init__(self, broker, listener, protocol):
        self.config = mqtt_config(broker, protocol=protocol)
        self._listener = listener

    def arrived(self):
        return [each.json() for each in self._listener.heard("/scan")]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    broker = Mosquitto(tmp_path_factory.mktemp("broker")).start()
    yield broker
    broker.stop()


@pytest.fixture(params=["stdout", "5", "3.1.1"])
def way(request, broker, capfd):
    if request.param == "stdout":
        yield StdoutWay(capfd)
        return
    with Listener(broker.port) as listener:
        yield MqttWay(broker, listener, request.param)


@pytest.fixture
def outbox(tmp_path):
    outbox = open_outbox(tmp_path)
    yield outbox
    outbox.close()


def publisher_for(way, outbox):
    return open_publisher(way.config, DEVICE, outbox, DaemonFacts(outbox))


def step_until(publisher, done):
    end_s = time.monotonic() + 15
    while not done():
        assert time.monotonic() < end_s, publisher.status()
        publisher.step(0.05)


def test_every_row_arrives_once_and_in_order_with_its_id_epoch_and_seq(way, outbox):
    stamps = store(outbox, 100)
    publisher = publisher_for(way, outbox)
    step_until(publisher, lambda: len(way.arrived()) >= 100)
    publisher.close(2.0)
    expected = [(stamp.seq, stamp.id, stamp.epoch) for stamp in stamps]
    assert [(each["seq"], each["id"], each["epoch"]) for each in way.arrived()] == expected


def test_rows_that_are_stored_while_it_runs_follow_without_a_gap(way, outbox):
    publisher = publisher_for(way, outbox)
    for _ in range(5):
        store(outbox, 3)
        publisher.step(0.05)
    step_until(publisher, lambda: len(way.arrived()) >= 15)
    publisher.close(2.0)
    assert [each["seq"] for each in way.arrived()] == list(range(1, 16))


def test_every_message_is_valid_by_the_contract(way, outbox):
    for decision in ("match", "ambiguous", "no_match"):
        store(outbox, 1, decision)
    publisher = publisher_for(way, outbox)
    step_until(publisher, lambda: len(way.arrived()) >= 3)
    publisher.close(2.0)
    scans = [ScanPayload.model_validate(each) for each in way.arrived()]
    assert [scan.event_type for scan in scans] == ["match", "ambiguous", "no_match"]
    assert [scan.card is not None for scan in scans] == [True, False, False]


def test_closing_delivers_what_waits_and_forgets_it(way, outbox, tmp_path):
    publisher = publisher_for(way, outbox)
    stamps = store(outbox, 30)
    publisher.close(10.0)
    step_until(publisher, lambda: len(way.arrived()) >= 30)
    assert publisher.status().delivered == 30
    outbox.close()
    again = open_outbox(tmp_path)
    waiting, last_seq = again.depth, again.last_seq
    again.close()
    assert (waiting, last_seq) == (0, stamps[-1].seq)


def test_rows_of_an_earlier_process_are_sent_and_repetitions_carry_the_same_id(way, outbox, tmp_path):
    stamps = store(outbox, 10)
    outbox.close()
    shutil.copy(tmp_path / "outbox.db", tmp_path / "before.db")
    for round_ in (1, 2):
        shutil.copy(
            tmp_path / "before.db", tmp_path / "outbox.db"
        )  # as if a crash had swallowed the deletion
        again = open_outbox(tmp_path)
        publisher = publisher_for(way, again)
        step_until(publisher, lambda: len(way.arrived()) >= 10 * round_)  # noqa: B023 - used within the round
        publisher.close(2.0)
        again.close()
    expected = [(stamp.seq, stamp.id) for stamp in stamps]
    assert [(each["seq"], each["id"]) for each in way.arrived()] == expected + expected


def test_an_idle_publisher_says_that_all_is_well(way, outbox):
    publisher = publisher_for(way, outbox)
    step_until(publisher, lambda: publisher.status().connected)
    publisher.step(0.0)
    status = publisher.status()
    publisher.close(1.0)
    assert (status.reasons, status.refusal, status.delivered, status.undeliverable) == ((), None, 0, 0)
