"""F9 and F10: whatever the broker refuses, the way out waits for a better day without a busy loop."""

import time

import pytest
from brokers import Mosquitto, deny_subscriptions, free_port
from certificates import Authority
from publishing import Publishing
from scans import store

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]

SECONDS = 12.0
MOST_CPU = 0.01


def wrong_password(folder):
    (folder / "password").write_text("battery staple")
    broker = Mosquitto(folder / "broker", passwords={"scanner": "correct horse"}).start()
    return broker, {"username": "scanner", "password_file": str(folder / "password")}, "mqtt_refused"


def wrong_authority(folder):
    return _tls(folder, Authority(folder / "ca").issue("server"), Authority(folder / "other"))


def expired_certificate(folder):
    authority = Authority(folder / "ca")
    return _tls(folder, authority.issue("server", end="20210101000000Z"), authority)


def _tls(folder, server, trusted):
    listener = (f"cafile {trusted.cert}", f"certfile {server.cert}", f"keyfile {server.key}")
    broker = Mosquitto(folder / "broker", listener=listener).start()
    return broker, {"tls": {"ca_file": str(trusted.cert)}}, "mqtt_refused"


def denied_topic(folder):
    return Mosquitto(folder / "broker", acl="topic read #\n").start(), {}, "mqtt_denied"


def denied_subscription(folder):
    return Mosquitto(folder / "broker", options=deny_subscriptions(folder)).start(), {}, "mqtt_deaf"


def nobody_there(folder):
    broker = Mosquitto(folder / "broker")
    broker.port = free_port()
    return broker, {}, "mqtt_unreachable"


@pytest.mark.parametrize(
    "trouble",
    [wrong_password, wrong_authority, expired_certificate, denied_topic, denied_subscription, nobody_there],
)
def test_a_refusal_costs_less_than_a_hundredth_of_a_processor(tmp_path, trouble):
    broker, changes, reason = trouble(tmp_path)
    try:
        with Publishing(tmp_path, broker, **changes) as publishing:
            store(publishing.outbox, 3)
            publishing.wait_for(lambda status: reason in status.reasons)
            began_s, used_s = time.monotonic(), time.process_time()
            time.sleep(SECONDS)
            share = (time.process_time() - used_s) / (time.monotonic() - began_s)
            publishing.drain_s = 0.1
            assert reason in publishing.status.reasons
        assert share < MOST_CPU
    finally:
        broker.stop()


def test_a_taken_over_client_id_costs_less_than_a_hundredth_of_a_processor(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    (tmp_path / "twin").mkdir()
    try:
        with Publishing(tmp_path, broker) as one, Publishing(tmp_path / "twin", broker) as twin:
            both, end_s = (one, twin), time.monotonic() + 30
            while not any(each.status.reasons == ("mqtt_taken_over",) for each in both):
                assert time.monotonic() < end_s, [each.status for each in both]
                time.sleep(0.05)
            began_s, used_s = time.monotonic(), time.process_time()
            time.sleep(SECONDS)
            share = (time.process_time() - used_s) / (time.monotonic() - began_s)
        assert share < 2 * MOST_CPU
    finally:
        broker.stop()
