"""The watcher with a real broker: everything that is kept is heard, and nobody is fooled by it."""

import time
from contextlib import closing

import pytest
from brokers import Mosquitto, deny_subscriptions
from fleets import FleetBox, info_of, state_of, update_of
from publishing import Publishing, mqtt_config
from scans import DEVICE, store

from cardscanner.errors import BrokerRefused
from cardscanner.fleet.roster import Roster
from cardscanner.fleet.watcher import Watcher
from cardscanner.publish.status import Troubles


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


def until(watcher, done, timeout_s=20.0):
    end_s = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < end_s, watcher.roster.rows(watcher.now())
        watcher.step(0.05)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_all_that_a_broker_has_kept_is_heard_whatever_its_queue(tmp_path, protocol):
    broker = Mosquitto(tmp_path / "small", options=("max_queued_messages 10",)).start()
    try:
        with FleetBox(broker.port) as box:
            for number in range(40):
                for kind, payload in (
                    ("status", b"offline"),
                    ("info", info_of(f"b-{number}").to_bytes()),
                    ("state", state_of().to_bytes()),
                    ("update", update_of().to_bytes()),
                ):
                    box.raw(f"cardscanner/b-{number}/{kind}", payload)
            config = mqtt_config(broker, protocol=protocol)
            with closing(Watcher(config, Roster(), Troubles(log=False))) as watcher:
                until(watcher, lambda: watcher.complete)
                rows = watcher.roster.rows(watcher.now())
        assert len(rows) == 41
        assert all(row.program == "1.2.0" and row.said for row in rows)
    finally:
        broker.stop()


def test_a_real_publisher_says_while_it_is_watched_that_its_scans_reach_nobody(tmp_path, broker):
    config = mqtt_config(broker)
    with (
        Publishing(tmp_path, broker, state_every_s=1) as publishing,
        closing(Watcher(config, Roster(), Troubles(log=False))) as watcher,
    ):
        until(watcher, lambda: watcher.complete)
        store(publishing.outbox, 4)

        def row():
            return next((row for row in watcher.roster.rows(watcher.now()) if row.device == DEVICE), None)

        until(watcher, lambda: row() is not None and "unheard" in [each.name for each in row().findings])


def test_a_broker_that_lets_nobody_listen_ends_the_first_attempt(tmp_path):
    broker = Mosquitto(tmp_path / "strict", options=deny_subscriptions(tmp_path)).start()
    try:
        with (
            closing(Watcher(mqtt_config(broker), Roster(), Troubles(log=False))) as watcher,
            pytest.raises(BrokerRefused, match=r"may not subscribe to cardscanner/\+/status"),
        ):
            until(watcher, lambda: watcher.complete)
    finally:
        broker.stop()
