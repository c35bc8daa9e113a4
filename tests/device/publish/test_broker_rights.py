"""The shipped rights for Mosquitto, with a real one: a scanner can do its work, and nothing else."""

import re
from pathlib import Path

import pytest
from brokers import Mosquitto, deny_subscriptions
from listeners import Listener
from publishing import Publishing
from scans import DEVICE, store

from cardscanner.publish.hearing import Hearing
from cardscanner.publish.status import Troubles

EXAMPLES = Path(__file__).parents[3] / "systemd" / "mosquitto"
USERS = {DEVICE: "box", "homeassistant": "ha", "inventory": "inv", "reader": "eyes", "other-box": "other"}


@pytest.fixture
def broker(tmp_path):
    rules = (EXAMPLES / "cardscanner.acl").read_text().replace("a1b2c3", DEVICE)
    broker = Mosquitto(tmp_path / "broker", acl=rules, passwords=USERS).start()
    yield broker
    broker.stop()


def signed_in(tmp_path, user=DEVICE):
    secret = tmp_path / f"password-{user}"
    secret.write_text(USERS[user])
    return {"username": user, "password_file": str(secret)}


def listener(broker, user, *topics):
    return Listener(broker.port, topics or ("cardscanner/#",), username=user, password=USERS[user])


def test_a_scanner_may_do_all_it_needs_and_home_assistant_hears_it(tmp_path, broker):
    with (
        listener(broker, "homeassistant", "cardscanner/#", "homeassistant/#") as home,
        Publishing(tmp_path, broker, **signed_in(tmp_path)) as publishing,
    ):
        store(publishing.outbox, 2)
        status = publishing.wait_for(lambda status: status.delivered == 2)
        home.wait_for(lambda heard: sum(each.topic.endswith("/scan") for each in heard) == 2)
        home.wait_for(lambda heard: any(each.topic.endswith("/config") for each in heard))
        home.wait_for(lambda heard: any(each.topic.endswith("/last") for each in heard))
        assert status.reasons == ()


def test_a_scanner_may_not_speak_for_another_one(tmp_path, broker):
    with (
        listener(broker, "inventory") as inventory,
        Publishing(tmp_path, broker, **signed_in(tmp_path, "other-box")) as publishing,
    ):
        store(publishing.outbox, 1)
        status = publishing.wait_for(lambda status: status.undeliverable == 1)
        assert status.reasons == ("mqtt_denied",)
        assert f"cardscanner/{DEVICE}/scan (135)" in status.refusal
        assert publishing.outbox.depth == 1
        assert inventory.heard() == []


def test_somebody_who_looks_on_hears_scans_and_nothing_about_the_box_itself(tmp_path, broker):
    with (
        listener(broker, "reader") as reader,
        Publishing(tmp_path, broker, **signed_in(tmp_path)) as publishing,
    ):
        store(publishing.outbox, 1)
        reader.wait_for(lambda heard: any(each.topic.endswith("/last") for each in heard))
        assert {each.topic.rsplit("/", 1)[1] for each in reader.heard()} == {"status", "scan", "last"}


def test_a_subscription_that_is_denied_is_a_state_with_its_cause(tmp_path):
    broker = Mosquitto(tmp_path / "broker", options=deny_subscriptions(tmp_path)).start()
    try:
        with Publishing(tmp_path, broker) as publishing:
            store(publishing.outbox, 1)
            status = publishing.wait_for(
                lambda status: "mqtt_deaf" in status.reasons and status.delivered == 1
            )
            assert "homeassistant/status" in status.refusal
    finally:
        broker.stop()


def test_a_subscription_that_is_allowed_later_is_taken_up_without_a_new_connection():
    class Answering:
        """What the broker says to each subscription, one after the other."""

        def __init__(self, *answers):
            self.answers, self.subscribed, self.deaf, self.asked = list(answers), False, None, 0

        def subscribe(self, topics):
            self.asked += 1
            self.deaf, self.subscribed = self.answers.pop(0), True

    troubles = Troubles()
    hearing = Hearing("broker here", ["cardscanner/box-1/cmd/#"], troubles)
    link = Answering("Not authorized (135)", "Not authorized (135)", None)
    hearing.connected(link)
    for now_s in range(1000, 1100):
        hearing.look(link, float(now_s))
        if not troubles.reasons:
            break
    assert link.asked == 3
    assert 4 <= now_s - 1000 <= 40
    hearing.look(link, 2000.0)
    assert link.asked == 3


def test_the_shipped_configuration_is_one_that_mosquitto_starts_with(tmp_path, authority):
    server = authority.issue("shipped")
    folder = tmp_path / "broker"
    text = (EXAMPLES / "cardscanner.conf").read_text()
    for name, path in {
        "cardscanner-ca.pem": authority.cert,
        "cardscanner-server.pem": server.cert,
        "cardscanner-server.key": server.key,
        "cardscanner.passwords": folder / "passwords",
        "cardscanner.acl": folder / "acl",
    }.items():
        text = text.replace(f"/etc/mosquitto/{name}", str(path))
    assert "/etc/mosquitto/c" not in re.sub("#.*", "", text)
    rules = (EXAMPLES / "cardscanner.acl").read_text().replace("a1b2c3", DEVICE)
    broker = Mosquitto(folder, whole=text, acl=rules, passwords=USERS).start()
    try:
        tls = {"ca_file": str(authority.cert)}
        with Publishing(tmp_path, broker, tls=tls, **signed_in(tmp_path)) as publishing:
            store(publishing.outbox, 1)
            assert publishing.wait_for(lambda status: status.delivered == 1).reasons == ()
    finally:
        broker.stop()
