"""Configurations made in Python obey the same limits as files."""

import math
import re

import pytest
from pydantic import ValidationError

from cardscanner.config import (
    DEVICE_ID,
    Config,
    DecideConfig,
    IndexConfig,
    MqttConfig,
    OnnxConfig,
    PicameraConfig,
    QdrantConfig,
    ReplayConfig,
    StdoutConfig,
    VerifyConfig,
    machine_device_id,
)


def smallest(**more) -> Config:
    return Config(
        camera=ReplayConfig(backend="replay", path="film"),
        embedder=OnnxConfig(backend="onnx", model="model"),
        index=IndexConfig(database="db"),
        publish=StdoutConfig(backend="stdout"),
        **more,
    )


def test_camera_embedder_index_and_publish_are_enough():
    config = smallest()
    assert config.decide.min_frames <= config.decide.max_frames
    assert not config.decide.report_no_match


def test_this_machine_has_one_stable_id_that_fits_into_a_topic():
    assert re.fullmatch(DEVICE_ID, machine_device_id())
    assert machine_device_id() == machine_device_id() == smallest().device_id


def test_a_configuration_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError, match="frozen"):
        smallest().decide.top = 3


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_refused(value):
    with pytest.raises(ValidationError, match="finite"):
        DecideConfig(threshold=value)


@pytest.mark.parametrize("value", [True, False])
def test_truth_values_are_no_numbers(value):
    with pytest.raises(ValidationError, match="mean nothing here"):
        DecideConfig(min_frames=value)
    assert PicameraConfig(backend="picamera2", controls={"AeEnable": value}).controls["AeEnable"] is value


def test_more_least_than_most_frames_are_refused_and_as_many_are_allowed():
    assert DecideConfig(min_frames=5, max_frames=5).min_frames == 5
    with pytest.raises(ValidationError, match="larger than max_frames"):
        DecideConfig(min_frames=6, max_frames=5)


def test_keeping_unheard_messages_needs_a_broker_that_tells():
    assert MqttConfig(backend="mqtt", unheard="keep").unheard == "keep"
    with pytest.raises(ValidationError, match="needs protocol: 5"):
        MqttConfig(backend="mqtt", unheard="keep", protocol="3.1.1")


def test_a_password_without_a_user_is_refused():
    with pytest.raises(ValidationError, match="password_file needs username"):
        MqttConfig(backend="mqtt", password_file="password")


def test_numbers_are_read_only_when_it_is_asked_for_and_only_in_a_second_look():
    assert VerifyConfig().read_number == "never"
    assert VerifyConfig(read_number="tesseract").read_number == "tesseract"
    with pytest.raises(ValidationError, match="needs enabled: true"):
        VerifyConfig(enabled=False, read_number="tesseract")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "either url"),
        ({"url": "http://a:6333", "folder": "q"}, "either url"),
        ({"url": "a:6333"}, "pattern"),
        ({"folder": "q", "api_key_file": "key"}, "https"),
        ({"url": "http://elsewhere:6333", "api_key_file": "key"}, "https"),
        ({"folder": "q", "collection": "../up"}, "pattern"),
    ],
)
def test_a_place_for_vectors_is_one_place_that_keeps_secrets(given, says):
    with pytest.raises(ValidationError, match=says):
        QdrantConfig(**given)


def test_a_key_is_sent_over_tls_or_to_this_machine():
    for url in ("https://elsewhere:6333", "http://127.0.0.1:6333", "http://localhost"):
        assert QdrantConfig(url=url, api_key_file="key").api_key_file is not None


def test_searching_elsewhere_needs_a_place():
    with pytest.raises(ValidationError, match=r"qdrant needs index\.qdrant"):
        IndexConfig(database="db", backend="qdrant")
