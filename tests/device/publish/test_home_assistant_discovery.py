"""The discovery message by itself; against a real Home Assistant: tests/homeassistant."""

import json
import subprocess

import pytest
from brokers import Mosquitto, mosquitto_program
from listeners import Listener
from publishing import Publishing
from scans import DEVICE, DaemonFacts, open_outbox

from cardscanner.publish.announce import Announcer
from cardscanner.publish.home_assistant import HomeAssistant
from cardscanner.publish.payload_info import InfoPayload
from cardscanner.publish.status import PublishStatus
from cardscanner.publish.topics import Topics

TOPIC = f"homeassistant/device/cardscanner_{DEVICE}/config"


@pytest.fixture
def info(tmp_path) -> InfoPayload:
    outbox = open_outbox(tmp_path)
    yield DaemonFacts(outbox).info()
    outbox.close()


def message(info, *, image=False):
    return json.loads(HomeAssistant("homeassistant", image).discovery(info))


def test_every_component_names_its_platform_and_every_entity_a_unique_id(info):
    components = message(info)["cmps"]
    assert all("p" in each for each in components.values())
    entities = [each for each in components.values() if each["p"] != "device_automation"]
    assert len({each["unique_id"] for each in entities}) == len(entities)


def test_the_picture_appears_only_where_it_is_published(info):
    assert "image" not in message(info)["cmps"]
    assert message(info, image=True)["cmps"]["image"]["image_topic"] == f"cardscanner/{DEVICE}/last/image"


def test_every_topic_is_one_of_the_devices_own(info):
    found = [
        value
        for component in message(info, image=True)["cmps"].values()
        for key, value in component.items()
        if key.endswith("topic")
    ]
    assert len(found) > 10
    assert all(topic.startswith(f"cardscanner/{DEVICE}/") for topic in found)


def test_the_serial_number_is_left_out_where_there_is_none(info):
    assert "sn" not in message(info)["dev"]
    assert message(info.model_copy(update={"serial": "1000abcd"}))["dev"]["sn"] == "1000abcd"


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


def test_the_message_is_retained_and_says_what_the_device_is(tmp_path, broker):
    with Publishing(tmp_path, broker) as publishing:
        publishing.wait_for(lambda status: status.connected)
        with Listener(broker.port, ("homeassistant/#",)) as late:
            (heard,) = late.wait_for(lambda heard: len(heard) == 1)
    assert (heard.topic, heard.retain, heard.content_type) == (TOPIC, True, "application/json")
    assert heard.json()["dev"]["ids"] == [f"cardscanner_{DEVICE}"]


def test_home_assistant_can_be_left_out_and_its_prefix_changed(tmp_path, broker):
    with Listener(broker.port, ("#",)) as listener:
        with Publishing(tmp_path, broker, home_assistant={"discovery": False}):
            listener.wait_for(lambda heard: any(each.topic.endswith("/state") for each in heard))
        assert not [each for each in listener.heard() if not each.topic.startswith("cardscanner/")]
        with Publishing(tmp_path, broker, home_assistant={"prefix": "house/ha"}):
            listener.wait_for(lambda heard: any(each.topic.startswith("house/ha/device/") for each in heard))


def test_everything_is_said_again_when_home_assistant_has_started(tmp_path, broker):
    topics = ("homeassistant/device/#", "cardscanner/#")
    with Listener(broker.port, topics) as listener, Publishing(tmp_path, broker) as publishing:
        listener.wait_for(lambda heard: any(each.topic == TOPIC for each in heard))
        publishing.wait_for(lambda status: status.connected)
        subprocess.run(
            [
                mosquitto_program("mosquitto_pub"),
                "-p",
                str(broker.port),
                "-t",
                "homeassistant/status",
                "-m",
                "online",
            ],
            check=True,
        )
        listener.wait_for(lambda heard: sum(each.topic == TOPIC for each in heard) == 2)
        assert [each.payload for each in listener.heard("/status")] == [b"online", b"online"]


def test_an_answer_to_a_birth_comes_within_five_seconds_and_is_spread(tmp_path):
    outbox = open_outbox(tmp_path)
    home = HomeAssistant("homeassistant", image=False)
    delays = []
    for _ in range(40):
        announcer = Announcer(Topics(DEVICE), outbox, DaemonFacts(outbox), 30.0, home)
        announcer.due(100.0, PublishStatus(), idle=True)
        announcer.home_was_born(100.0)
        delays.append(announcer._again_s - 100.0)
        assert TOPIC not in [each.topic for each in announcer.due(100.0, PublishStatus(), idle=True)]
        assert TOPIC in [each.topic for each in announcer.due(105.0, PublishStatus(), idle=True)]
    assert 0.0 <= min(delays) < max(delays) <= 5.0
    outbox.close()
