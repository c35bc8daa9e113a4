"""The whole daemon as a process: frames in, messages out, an orderly end."""

from __future__ import annotations

import shutil
import signal
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from brokers import Mosquitto, free_port
from daemons import QUICK, Daemon, looping, mqtt
from listeners import Listener
from small_scanner import small_scanner

from cardscanner.config import Config, OutboxConfig
from cardscanner.publish import Outbox


@pytest.fixture
def scanner(tmp_path):
    return small_scanner(tmp_path / "scanner")


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


def numbers_of(listener):
    """Sequence numbers of scans and events, in order of arrival."""
    numbered = (each for each in listener.heard() if each.topic.endswith(("/scan", "/event")))
    return [each.json()["seq"] for each in numbered]


def scans_of(daemon):
    """Cards in the events that the daemon printed."""
    return [line["card"]["card_id"] for line in daemon.said() if line.get("event_type") == "match"]


def test_a_recording_is_scanned_to_its_end_and_the_daemon_ends_well(scanner):
    with Daemon(scanner.config()) as daemon:
        assert daemon.end() == 0, daemon.tail()
    assert scans_of(daemon) == ["card-003", "card-007", "card-011"]


@pytest.mark.parametrize("backend", ["annoy", "exact"])
def test_both_indexes_give_the_same_events(scanner, backend):
    with Daemon(scanner.config(index={"database": "db", "backend": backend})) as daemon:
        assert daemon.end() == 0, daemon.tail()
    assert scans_of(daemon) == ["card-003", "card-007", "card-011"]


def test_events_reach_a_real_broker_with_all_topics(scanner, broker):
    with Listener(broker.port) as listener:
        with Daemon(scanner.config(publish=mqtt(broker))) as daemon:
            assert daemon.end() == 0, daemon.tail()
        heard = listener.wait_for(lambda heard: heard[-1].payload == b"offline", 30)
    scans = [each.json() for each in heard if each.topic == "cardscanner/small/scan"]
    assert [each["card"]["card_id"] for each in scans] == ["card-003", "card-007", "card-011"]
    events = [each.json() for each in heard if each.topic == "cardscanner/small/event"]
    assert [each["event_type"] for each in events] == ["started"]
    assert [each["seq"] for each in scans] == sorted({1, 2, 3, 4} - {events[0]["seq"]})
    names = {"status", "info", "state", "scan", "last", "event", "update"}
    assert {each.topic.rsplit("/", 1)[1] for each in heard} == names
    states = [each.json()["lifecycle"] for each in heard if each.topic.endswith("/state")]
    assert set(states) <= {"starting", "ready", "stopping"}
    assert [each.payload for each in heard if each.topic.endswith("/status")] == [b"online", b"offline"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_orderly(scanner, number):
    with Daemon(scanner.config(camera=looping())) as daemon:
        daemon.await_line("ready")
        daemon.process.send_signal(number)
        assert daemon.end(30) == 0, daemon.tail()
    assert daemon.said()[-1]["reason"] == "stop"
    assert daemon.said("threads did not end in time") == []


def test_what_was_committed_before_a_stop_is_sent_before_the_end(scanner, broker):
    with Listener(broker.port) as listener:
        config = scanner.config(camera=looping(), publish=mqtt(broker, max_per_s=10), decide=QUICK)
        with Daemon(config) as daemon:
            daemon.await_line("card decided", count=6)
            assert daemon.stop() == 0, daemon.tail()
        listener.wait_for(lambda heard: heard[-1].payload == b"offline", 30)
        numbers = numbers_of(listener)
        scans = len(listener.heard("/scan"))
    with closing(Outbox.open(OutboxConfig(path=scanner.outbox))) as outbox:
        assert (outbox.depth, outbox.last_seq) == (0, len(numbers))
    assert numbers == list(range(1, len(numbers) + 1))
    assert scans == len(daemon.said("card decided"))


def test_scanning_goes_on_without_a_broker_and_delivers_everything_when_it_comes(scanner, tmp_path):
    broker = Mosquitto(tmp_path / "broker")
    with Daemon(scanner.config(camera=looping(), publish=mqtt(broker), decide=QUICK)) as daemon:
        trouble = daemon.await_line("publishing is in trouble")
        assert "nothing listens there: start the broker" in trouble["cause"]
        daemon.await_line("card decided", count=3)
        broker.start()
        try:
            with Listener(broker.port) as listener:
                listener.wait_for(lambda heard: any(each.topic.endswith("/scan") for each in heard), 60)
                state = listener.wait_for(lambda heard: any(each.topic.endswith("/state") for each in heard))
                assert daemon.stop() == 0, daemon.tail()
                listener.wait_for(lambda heard: heard[-1].payload == b"offline", 30)
                numbers = numbers_of(listener)
                scans = len(listener.heard("/scan"))
        finally:
            broker.stop()
    assert state
    assert numbers == list(range(1, len(numbers) + 1))
    assert scans == len(daemon.said("card decided"))


def test_a_damaged_outbox_is_moved_aside_and_kept_and_scanning_starts(scanner):
    scanner.outbox.write_bytes(b"this is no database" * 1000)
    with Daemon(scanner.config()) as daemon:
        assert daemon.end() == 0, daemon.tail()
    (said,) = daemon.said("outbox was damaged and moved aside")
    assert Path(said["kept_as"]).read_bytes() == b"this is no database" * 1000
    assert len(scans_of(daemon)) == 3


def test_a_second_daemon_on_the_same_outbox_is_refused(scanner, tmp_path):
    config = scanner.config(camera=looping())
    with Daemon(config) as first:
        first.await_line("ready")
        twin = config.with_name("twin.yaml")
        shutil.copy(config, twin)
        with Daemon(twin) as second:
            assert second.end() == 1
        assert "is a second cardscanner running?" in second.tail()
        assert first.stop() == 0


def test_scans_that_were_not_delivered_are_delivered_by_the_next_run(scanner):
    publish = {"backend": "mqtt", "host": "127.0.0.1", "port": free_port()}
    with Daemon(scanner.config(publish=publish)) as daemon:
        assert daemon.end() == 0, daemon.tail()
    with closing(Outbox.open(OutboxConfig(path=scanner.outbox))) as outbox:
        waiting = [row.id for row in outbox.pending(0, 10)]
    with Daemon(scanner.config()) as daemon:
        assert daemon.end() == 0, daemon.tail()
    printed = [line["id"] for line in daemon.said() if "event_type" in line]
    assert len(scans_of(daemon)) == 6
    assert printed[: len(waiting)] == waiting


def test_the_sample_configuration_of_the_docs_has_every_key():
    text = (Path(__file__).parents[2] / "docs" / "cardscanner.yaml").read_text()
    assert set(yaml.safe_load(text)) == set(Config.model_fields)
