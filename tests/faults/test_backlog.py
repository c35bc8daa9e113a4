"""A long outage's backlog (F6): paced, in a window, and a broker with a short queue drops nothing of it."""

import pytest
from brokers import Mosquitto
from listeners import Listener
from publishing import Publishing
from scans import store


@pytest.mark.parametrize(
    ("rows", "queue"),
    [
        (600, 100),
        pytest.param(2_000, 1_000, marks=pytest.mark.slow),
        pytest.param(10_000, 1_000, marks=pytest.mark.slow),
    ],
)
def test_a_backlog_is_flushed_and_the_broker_drops_nothing(tmp_path, rows, queue):
    """Mosquitto queues 1,000 messages for a subscriber unless told otherwise, and drops the rest."""
    broker = Mosquitto(tmp_path / "broker", options=(f"max_queued_messages {queue}",)).start()
    try:
        topics = ("cardscanner/#", "$SYS/broker/publish/messages/dropped")
        with Listener(broker.port, topics) as listener, Publishing(tmp_path, broker) as publishing:
            store(publishing.outbox, rows)
            publishing.wait_for(lambda status: status.delivered == rows, timeout_s=rows / 200 * 3 + 20)
            scans = listener.wait_for(
                lambda heard: sum(each.topic.endswith("/scan") for each in heard) >= rows, 20
            )
            before = len(listener.heard("/dropped"))
            listener.wait_for(lambda _: len(listener.heard("/dropped")) > before or before > 0, 15)
            arrived = [each for each in scans if each.topic.endswith("/scan")]
            assert [each.json()["seq"] for each in arrived] == list(range(1, rows + 1))
            assert [each.payload for each in listener.heard("/dropped")] == [b"0"]
            seconds = arrived[-1].at_s - arrived[0].at_s
            assert rows / seconds < 1.15 * 200 + 40  # paced: not faster than configured
            assert publishing.status.answers == {0: rows}
    finally:
        broker.stop()
