"""The MQTT way out with a real Mosquitto: retained topics, will, refusals, policies, reconnection."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from brokers import Mosquitto, free_port
from listeners import Listener
from publishing import Publishing, mqtt_config
from scans import DEVICE, DaemonFacts, open_outbox, store
from structlog.testing import capture_logs

from cardscanner.errors import ConfigError
from cardscanner.publish import open_publisher
from cardscanner.publish.payload_info import InfoPayload
from cardscanner.publish.payload_state import StatePayload

CHILD = Path(__file__).parents[2] / "scanning_child.py"
VERSIONS = ["5", "3.1.1"]


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


def topics_of(heard):
    return [each.topic.removeprefix(f"cardscanner/{DEVICE}/") for each in heard]


def retained(broker):
    """What a subscriber that comes later is told."""
    with Listener(broker.port) as late:
        late.wait_for(lambda heard: any(each.topic.endswith("/status") for each in heard))
        time.sleep(0.1)
        return {each.topic.rsplit("/", 1)[1]: each.payload for each in late.heard() if each.retain}


@pytest.mark.parametrize("protocol", VERSIONS)
def test_a_connection_greets_with_status_info_state_and_then_rows_and_last(tmp_path, broker, protocol):
    publishing = Publishing(tmp_path, broker, protocol=protocol)
    stamps = store(publishing.outbox, 3)  # before it connects: `last` may follow each pause between rows
    with Listener(broker.port) as listener, publishing:
        heard = listener.wait_for(lambda heard: sum(each.topic.endswith("/last") for each in heard) >= 1)
        assert topics_of(heard)[:3] == ["status", "info", "state"]
        assert topics_of(heard)[3:6] == ["scan"] * 3
        assert [each.qos for each in heard] == [1] * len(heard)
        assert heard[0].payload == b"online"
        assert InfoPayload.model_validate_json(heard[1].payload).device == DEVICE
        assert StatePayload.model_validate_json(heard[2].payload).lifecycle == "ready"
        assert json.loads(heard[6].payload)["seq"] == stamps[-1].seq
        assert [each.retain for each in heard] == [not each.topic.endswith("/scan") for each in heard]


def test_version_5_says_what_the_payloads_are(tmp_path, broker):
    with Listener(broker.port) as listener, Publishing(tmp_path, broker) as publishing:
        store(publishing.outbox, 1)
        listener.wait_for(lambda heard: any(each.topic.endswith("/last") for each in heard))
        kinds = {each.topic.rsplit("/", 1)[1]: each.content_type for each in listener.heard()}
    assert kinds == {
        "status": "text/plain",
        **dict.fromkeys(("info", "state", "scan", "last"), "application/json"),
    }


def test_an_orderly_end_says_offline_and_leaves_the_will_unsaid(tmp_path, broker):
    with Listener(broker.port) as listener:
        with Publishing(tmp_path, broker) as publishing:
            publishing.wait_for(lambda status: status.connected)
        listener.wait_for(lambda heard: heard and heard[-1].payload == b"offline")
        assert [each.payload for each in listener.heard("/status")] == [b"online", b"offline"]
    assert retained(broker)["status"] == b"offline"


@pytest.mark.parametrize("protocol", VERSIONS)
def test_a_killed_daemon_is_reported_offline_by_its_will(tmp_path, broker, protocol):
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "from publishing import Publishing; from brokers import Mosquitto; import types, time;"
        "broker = types.SimpleNamespace(port=int(sys.argv[3]));"
        "p = Publishing(Path(sys.argv[2]), broker, protocol=sys.argv[4]).__enter__(); time.sleep(60)"
    )
    with Listener(broker.port) as listener:
        arguments = [str(CHILD.parent), str(tmp_path), str(broker.port), protocol]
        child = subprocess.Popen([sys.executable, "-c", script, *arguments])
        listener.wait_for(lambda heard: any(each.payload == b"online" for each in heard), 20)
        child.send_signal(signal.SIGKILL)
        child.wait()
        killed_s = time.monotonic()
        heard = listener.wait_for(lambda heard: heard[-1].payload == b"offline", 15)
    assert heard[-1].retain
    if protocol == "5":  # a quick restart must not show
        assert heard[-1].at_s - killed_s > 3


def test_retained_topics_come_back_after_the_broker_has_forgotten_them(tmp_path, broker):
    with Publishing(tmp_path, broker) as publishing:
        stamps = store(publishing.outbox, 3)
        publishing.wait_for(lambda status: status.delivered == 3)
        broker.kill()
        publishing.wait_for(lambda status: not status.connected)
        broker.start()  # without persistence: it knows nothing
        publishing.wait_for(lambda status: status.connected)
        known = retained(broker)
    assert set(known) == {"status", "info", "state", "last"}
    assert json.loads(known["last"])["seq"] == stamps[-1].seq


def test_the_last_match_is_restored_by_a_later_process(tmp_path, broker):
    with Publishing(tmp_path, broker) as publishing:
        stamps = store(publishing.outbox, 2)
        publishing.wait_for(lambda status: status.delivered == 2)
    broker.kill()
    broker.start()
    with Publishing(tmp_path, broker) as publishing:
        publishing.wait_for(lambda status: status.connected)
        assert json.loads(retained(broker)["last"])["seq"] == stamps[-1].seq


def test_a_state_that_changes_is_published_at_once(tmp_path, broker):
    with Listener(broker.port) as listener, Publishing(tmp_path, broker, state_every_s=3600) as publishing:
        listener.wait_for(lambda heard: any(each.topic.endswith("/state") for each in heard))
        publishing.facts.scanning = False
        listener.wait_for(lambda heard: sum(each.topic.endswith("/state") for each in heard) == 2)
        assert [each.json()["scanning"] for each in listener.heard("/state")] == [True, False]


def test_the_state_is_repeated(tmp_path, broker):
    with Listener(broker.port) as listener, Publishing(tmp_path, broker, state_every_s=1):
        listener.wait_for(lambda heard: sum(each.topic.endswith("/state") for each in heard) >= 3)


def test_a_committed_row_wakes_a_publisher_that_waits(tmp_path, broker):
    with Listener(broker.port) as listener, Publishing(tmp_path, broker, wait_s=3600.0) as publishing:
        publishing.wait_for(lambda status: status.connected)
        store(publishing.outbox, 1)
        listener.wait_for(lambda heard: any(each.topic.endswith("/scan") for each in heard))


def test_scans_of_an_outage_arrive_in_order_when_the_broker_returns(tmp_path, broker):
    with Listener(broker.port) as listener, Publishing(tmp_path, broker) as publishing:
        store(publishing.outbox, 5)
        publishing.wait_for(lambda status: status.delivered == 5)
        broker.stop()
        status = publishing.wait_for(lambda status: not status.connected)
        assert status.reasons == ("mqtt_unreachable",)
        store(publishing.outbox, 50)
        broker.start()
        publishing.wait_for(lambda status: status.delivered == 55)
        listener.wait_for(lambda heard: len([each for each in heard if each.topic.endswith("/scan")]) >= 40)
        seqs = [each.json()["seq"] for each in listener.heard("/scan")]
        assert seqs == sorted(seqs)
        assert publishing.status.reasons == ()


def test_a_broker_that_is_not_there_is_logged_once_with_the_fix(tmp_path):
    missing = type("Nowhere", (), {"port": free_port()})
    with capture_logs() as logs, Publishing(tmp_path, missing) as publishing:
        store(publishing.outbox, 1)
        status = publishing.wait_for(lambda status: status.refusal is not None)
        time.sleep(2.5)
        publishing.drain_s = 0.1
    assert "nothing listens there: start the broker" in status.refusal
    assert [each["reason"] for each in logs if each["log_level"] == "warning"] == ["mqtt_unreachable"]


def test_a_wrong_password_is_reported_and_not_shown(tmp_path):
    broker = Mosquitto(tmp_path / "broker", passwords={"scanner": "correct horse"}).start()
    secret = tmp_path / "password"
    secret.write_text("battery staple\n", encoding="utf-8")
    try:
        with (
            capture_logs() as logs,
            Publishing(tmp_path, broker, username="scanner", password_file=str(secret)) as publishing,
        ):
            store(publishing.outbox, 1)
            status = publishing.wait_for(lambda status: "mqtt_refused" in status.reasons)
            secret.write_text("correct horse", encoding="utf-8")
            publishing.wait_for(lambda status: status.delivered == 1 and status.reasons == ())
        assert "check publish.username" in status.refusal
        assert "staple" not in f"{logs}{status}"
        assert [each["event"] for each in logs if each.get("reason") == "mqtt_refused"] == [
            "publishing is in trouble",
            "publishing has recovered",
        ]
    finally:
        broker.stop()


ALLOW_ALL = "user scanner\ntopic readwrite cardscanner/#\ntopic readwrite homeassistant/#\n"
DENY_SCANS = ALLOW_ALL.replace("\n", "\ntopic deny cardscanner/box-1/scan\n", 1)


def test_a_denied_topic_keeps_its_rows_and_shows_in_the_state(tmp_path):
    broker = Mosquitto(tmp_path / "broker", acl=DENY_SCANS, passwords={"scanner": "x"}).start()
    (tmp_path / "password").write_text("x", encoding="utf-8")
    try:
        with (
            Listener(broker.port, username="scanner", password="x") as listener,
            Publishing(
                tmp_path, broker, username="scanner", password_file=str(tmp_path / "password")
            ) as publishing,
        ):
            store(publishing.outbox, 3)
            status = publishing.wait_for(lambda status: status.undeliverable > 0)
            assert status.reasons == ("mqtt_denied",)
            assert status.answers[135] >= 1
            assert "cardscanner/box-1/scan (135)" in status.refusal
            assert publishing.outbox.depth == 3
            heard = listener.wait_for(lambda heard: any(b"mqtt_denied" in each.payload for each in heard))
            (shown, *_) = [each.json() for each in heard if b"mqtt_denied" in each.payload]
            assert shown["broker"]["answers"]["135"] >= 1
            state = listener.heard("/state")[-1].json()
            assert (state["lifecycle"], state["outbox"]["undeliverable"]) == ("degraded", 1)

            broker.allow(ALLOW_ALL)
            broker.reload()
            publishing.wait_for(lambda status: status.delivered == 3 and status.reasons == ())
            listener.wait_for(lambda heard: sum(each.topic.endswith("/scan") for each in heard) == 3)
            assert [each.json()["seq"] for each in listener.heard("/scan")] == [1, 2, 3]
    finally:
        broker.stop()


def test_without_a_subscriber_rows_count_as_sent_by_default(tmp_path, broker):
    with Publishing(tmp_path, broker) as publishing:
        store(publishing.outbox, 3)
        status = publishing.wait_for(lambda status: status.delivered == 3)
        assert status.answers == {16: 3}
        assert status.reasons == ()


def test_without_a_subscriber_rows_are_kept_if_so_configured(tmp_path, broker):
    with Publishing(tmp_path, broker, unheard="keep") as publishing:
        store(publishing.outbox, 3)
        status = publishing.wait_for(lambda status: status.reasons == ("mqtt_unheard",))
        assert (status.delivered, publishing.outbox.depth) == (0, 3)
        with Listener(broker.port) as listener:
            publishing.wait_for(lambda status: status.delivered == 3 and status.reasons == ())
            listener.wait_for(lambda heard: sum(each.topic.endswith("/scan") for each in heard) == 3)
            assert [each.json()["seq"] for each in listener.heard("/scan")] == [1, 2, 3]


@pytest.mark.parametrize("protocol", ["5", pytest.param("3.1.1", marks=pytest.mark.slow)])
def test_a_second_device_with_our_name_is_reported_and_not_fought(tmp_path, broker, protocol):
    (tmp_path / "twin").mkdir()
    with Publishing(tmp_path, broker, protocol=protocol) as publishing:
        publishing.wait_for(lambda status: status.connected)
        with Publishing(tmp_path / "twin", broker, protocol=protocol) as twin:
            both = [publishing, twin]
            end_s = time.monotonic() + 30
            while not (gave_way := [each for each in both if each.status.reasons == ("mqtt_taken_over",)]):
                assert time.monotonic() < end_s, [each.status for each in both]
                time.sleep(0.05)
            assert "same device_id" in gave_way[0].status.refusal
            stayed = both[1 - both.index(gave_way[0])]
            stayed.wait_for(lambda status: status.connected and status.reasons == ())
            time.sleep(1.5)  # longer than the usual pause before another attempt
            assert stayed.status.connected
            assert not gave_way[0].status.connected


def test_files_that_the_configuration_names_are_checked_at_the_start(tmp_path, broker):
    outbox = open_outbox(tmp_path)
    missing = str(tmp_path / "missing")
    for changes, named in (
        ({"username": "scanner", "password_file": missing}, "password_file"),
        ({"tls": {"ca_file": missing}}, "ca_file"),
        ({"tls": {"cert_file": missing}}, "cert_file"),
    ):
        with pytest.raises(ConfigError, match=named):
            open_publisher(mqtt_config(broker, **changes), DEVICE, outbox, DaemonFacts(outbox))
    outbox.close()


def test_closing_without_a_broker_keeps_the_rows_and_does_not_wait(tmp_path):
    outbox = open_outbox(tmp_path)
    config = mqtt_config(type("Nowhere", (), {"port": free_port()}))
    publisher = open_publisher(config, DEVICE, outbox, DaemonFacts(outbox))
    store(outbox, 2)
    publisher.step(0.0)
    publisher.close(0.3)
    assert outbox.depth == 2
    outbox.close()
