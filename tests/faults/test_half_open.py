"""A broker that keeps its connections and says nothing (F5): noticed, and no row is lost."""

import pytest
from brokers import Mosquitto
from listeners import Listener
from publishing import Publishing
from scans import store


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


@pytest.mark.parametrize("keepalive_s", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_frozen_broker_is_noticed_within_two_and_a_half_keepalives(tmp_path, broker, keepalive_s):
    with (
        Listener(broker.port) as listener,
        Publishing(tmp_path, broker, keepalive_s=keepalive_s) as publishing,
    ):
        stamps = store(publishing.outbox, 2)
        publishing.wait_for(lambda status: status.delivered == 2)
        broker.freeze()
        stamps += store(publishing.outbox, 3)
        status = publishing.wait_for(lambda status: not status.connected, timeout_s=2.5 * keepalive_s)
        assert status.reasons == ("mqtt_unreachable",)
        broker.thaw()
        publishing.wait_for(lambda status: status.delivered >= 5)
        listener.wait_for(lambda heard: any(b'"seq":5' in each.payload for each in heard))
        heard = [each.json() for each in listener.heard("/scan")]
    assert {(each["seq"], each["id"]) for each in heard} == {(stamp.seq, stamp.id) for stamp in stamps}
