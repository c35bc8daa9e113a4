import socket
import threading

import pytest
from brokers import Mosquitto, free_port
from listeners import Listener
from publishing import Publishing, mqtt_config

from cardscanner.errors import BrokerRefused, PublishError
from cardscanner.publish.probe import probe_broker


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker", passwords={"scanner": "right"}).start()
    yield broker
    broker.stop()


def secret(tmp_path, text):
    path = tmp_path / "password"
    path.write_text(text, encoding="utf-8")
    return {"username": "scanner", "password_file": str(path)}


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_broker_that_accepts_us_is_left_as_it_was(tmp_path, broker, protocol):
    with Listener(broker.port, username="scanner", password="right") as listener:
        probe_broker(mqtt_config(broker, protocol=protocol, **secret(tmp_path, "right")))
        assert listener.heard() == []


def test_a_probe_does_not_disturb_a_daemon_that_is_connected(tmp_path, broker):
    with Publishing(tmp_path, broker, **secret(tmp_path, "right")) as publishing:
        publishing.wait_for(lambda status: status.connected)
        probe_broker(mqtt_config(broker, **secret(tmp_path, "right")))
        assert publishing.status.connected


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_wrong_password_is_a_refusal_with_the_fix(tmp_path, broker, protocol):
    with pytest.raises(BrokerRefused, match=r"check publish\.username") as refusal:
        probe_broker(mqtt_config(broker, protocol=protocol, **secret(tmp_path, "wrong")))
    assert "wrong" not in str(refusal.value)


def test_no_broker_is_an_error_with_the_fix():
    with pytest.raises(PublishError, match="nothing listens there: start the broker"):
        probe_broker(mqtt_config(type("Nowhere", (), {"port": free_port()})))


def test_a_name_that_nobody_knows_is_an_error_with_the_fix():
    with pytest.raises(PublishError, match=r"check publish\.host"):
        probe_broker(mqtt_config(type("Nowhere", (), {"port": 1}), host="broker.invalid"))


def test_something_that_is_no_mqtt_broker_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up():
            link, _ = server.accept()
            link.recv(100)
            link.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(PublishError, match="is this an MQTT port without TLS"):
            probe_broker(mqtt_config(type("Other", (), {"port": server.getsockname()[1]})))
        thread.join()
