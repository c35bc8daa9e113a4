"""A broker that was away and comes back (F4): found again within ten seconds, and nothing was lost meanwhile."""

import time

import pytest
from brokers import Mosquitto
from listeners import Listener
from publishing import Publishing
from scans import store


@pytest.mark.parametrize(
    "away_s", [2.0, pytest.param(90.0, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
)
def test_a_broker_that_returns_has_the_scans_of_its_absence_within_ten_seconds(tmp_path, away_s):
    broker = Mosquitto(tmp_path / "broker").start()
    try:
        with Publishing(tmp_path, broker) as publishing:
            publishing.wait_for(lambda status: status.connected)
            broker.kill()
            publishing.wait_for(lambda status: not status.connected)
            stamps = store(publishing.outbox, 20)
            time.sleep(away_s)
            stamps += store(publishing.outbox, 20)
            broker.start()
            returned_s = time.monotonic()
            with Listener(broker.port) as listener:
                listener.wait_for(lambda _: len(listener.heard("/scan")) >= 40, 30)
                came = listener.heard("/scan")
        assert [each.json()["id"] for each in came] == [stamp.id for stamp in stamps]
        # Attempts are at most six seconds apart; that is the contract's figure, not this machine's speed.
        assert came[0].at_s - returned_s < 10
    finally:
        broker.stop()
