"""TLS towards a real Mosquitto: what works, and what each mistake says."""

import time

import pytest
from brokers import Mosquitto
from certificates import Authority, locked_copy
from publishing import Publishing, mqtt_config
from scans import DEVICE, store

from cardscanner.errors import BrokerRefused
from cardscanner.publish.probe import probe_broker

# paho 2 leaves the socket of a failed TLS handshake to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def tls_broker(tmp_path, authority):
    started = []

    def start(certificate, *more):
        files = ("cafile", authority.cert), ("certfile", certificate.cert), ("keyfile", certificate.key)
        lines = tuple(f"{name} {path}" for name, path in files)
        started.append(Mosquitto(tmp_path / "broker", listener=(*lines, *more)).start())
        return started[-1]

    yield start
    for broker in started:
        broker.stop()


def test_scans_are_delivered_over_tls_with_a_client_certificate(tmp_path, authority, tls_broker):
    broker = tls_broker(authority.issue("server"), "require_certificate true")
    client = authority.issue("client")
    tls = {"ca_file": str(authority.cert), "cert_file": str(client.cert), "key_file": str(client.key)}
    probe_broker(mqtt_config(broker, tls=tls))
    with Publishing(tmp_path, broker, tls=tls) as publishing:
        store(publishing.outbox, 30)
        publishing.wait_for(lambda status: status.delivered == 30)


def test_a_broker_that_wants_a_client_certificate_is_a_refusal(tmp_path, authority, tls_broker):
    broker = tls_broker(authority.issue("server2"), "require_certificate true")
    with pytest.raises(BrokerRefused, match="client certificate"):
        probe_broker(mqtt_config(broker, tls={"ca_file": str(authority.cert)}))


def test_a_certificate_of_another_authority_is_refused_with_its_cause(tmp_path, authority, tls_broker):
    broker = tls_broker(authority.issue("server3"))
    other = Authority(tmp_path / "other")
    with pytest.raises(BrokerRefused, match=r"not accepted: .*check publish\.tls\.ca_file"):
        probe_broker(mqtt_config(broker, tls={"ca_file": str(other.cert)}))


def test_an_expired_certificate_is_refused_calmly_and_named(tmp_path, authority, tls_broker):
    broker = tls_broker(authority.issue("server4", end="20210101000000Z"))
    with Publishing(tmp_path, broker, tls={"ca_file": str(authority.cert)}) as publishing:
        store(publishing.outbox, 1)
        status = publishing.wait_for(lambda status: status.refusal is not None)
        time.sleep(2.0)
        publishing.drain_s = 0.1
        assert publishing.status == status
    assert status.reasons == ("mqtt_refused",)
    assert "expired" in status.refusal


def test_a_name_that_is_not_in_the_certificate_is_refused(authority, tls_broker):
    broker = tls_broker(authority.issue("server5"))
    with pytest.raises(BrokerRefused, match="host name"):
        probe_broker(mqtt_config(broker, host="localhost", tls={"ca_file": str(authority.cert)}))


def test_a_port_without_tls_is_a_refusal_that_says_so(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    try:
        with pytest.raises(BrokerRefused, match="is this the broker's TLS port"):
            probe_broker(mqtt_config(broker, tls={}))
    finally:
        broker.stop()


def test_an_encrypted_key_is_an_error_and_no_question_on_the_terminal(authority):
    client = authority.issue("client6")
    tls = {"cert_file": str(client.cert), "key_file": str(locked_copy(client.key))}
    with pytest.raises(BrokerRefused, match="cert_file"):
        probe_broker(mqtt_config(type("Nowhere", (), {"port": 1}), tls=tls))


def test_our_own_expired_certificate_is_refused_by_the_broker_and_named(tmp_path, authority, tls_broker):
    broker = tls_broker(authority.issue("server7"), "require_certificate true")
    client = authority.issue("client7", end="20210101000000Z")
    tls = {"ca_file": str(authority.cert), "cert_file": str(client.cert), "key_file": str(client.key)}
    with Publishing(tmp_path, broker, tls=tls) as publishing:
        store(publishing.outbox, 1)
        status = publishing.wait_for(lambda status: status.refusal is not None)
        time.sleep(2.0)
        publishing.drain_s = 0.1
        assert publishing.status == status
        assert publishing.outbox.depth == 1
    assert status.reasons == ("mqtt_refused",)
    assert "publish.tls.cert_file" in status.refusal


def test_our_certificate_of_another_authority_is_refused_by_the_broker(tmp_path, authority, tls_broker):
    broker = tls_broker(authority.issue("server8"), "require_certificate true")
    stranger = Authority(tmp_path / "stranger").issue("client8")
    tls = {"ca_file": str(authority.cert), "cert_file": str(stranger.cert), "key_file": str(stranger.key)}
    with pytest.raises(BrokerRefused, match=r"publish\.tls\.cert_file"):
        probe_broker(mqtt_config(broker, tls=tls))


def test_a_certificate_can_be_the_user_name(tmp_path, authority, tls_broker):
    acl = tmp_path / "acl"
    acl.write_text("pattern readwrite cardscanner/%u/#\n")
    acl.chmod(0o600)
    lines = ("require_certificate true", "use_identity_as_username true", f"acl_file {acl}")
    broker = tls_broker(authority.issue("server9"), *lines)
    for name, delivered in ((DEVICE, True), ("somebody", False)):
        (tmp_path / name).mkdir()
        client = authority.issue(name)
        tls = {"ca_file": str(authority.cert), "cert_file": str(client.cert), "key_file": str(client.key)}
        with Publishing(tmp_path / name, broker, tls=tls, home_assistant={"discovery": False}) as publishing:
            store(publishing.outbox, 1)
            status = publishing.wait_for(lambda status: status.delivered or status.undeliverable)
            publishing.drain_s = 0.1
            assert (status.delivered == 1) == delivered
