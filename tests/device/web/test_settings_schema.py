"""The form's schema is the configuration's own, and no more than may be set."""

from __future__ import annotations

import jsonschema
import pytest

from cardscanner.configfile import load_config
from cardscanner.control.settings import SETTABLE
from cardscanner.web.settings_schema import key_in, settable_values, settings_schema


@pytest.fixture(params=["picamera2", "opencv", "replay"])
def config(request, tmp_path):
    path = tmp_path / "cardscanner.yaml"
    more = ", path: frames" if request.param == "replay" else ""
    path.write_text(
        f"camera: {{backend: {request.param}{more}}}\nembedder: {{backend: onnx, model: m}}\n"
        "index: {database: db}\npublish: {backend: mqtt}\n"
    )
    return load_config(path)


def test_the_schema_is_valid_and_the_values_fit_it(config):
    schema, values = settings_schema(config), settable_values(config)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(values, schema)
    for section, keys in values.items():
        assert set(schema["properties"][section]["properties"]) == set(keys)


def test_nothing_is_offered_that_may_not_be_set(config):
    for section, form in settings_schema(config)["properties"].items():
        assert set(form["properties"]) <= SETTABLE[section]


def test_limits_descriptions_defaults_and_units_come_along(config):
    decide = settings_schema(config)["properties"]["decide"]["properties"]
    assert decide["min_frames"]["minimum"] == 1
    assert decide["gone_s"] == {
        "default": 0.8, "description": "unseen for this long: the card was taken away", "exclusiveMinimum": 0,
        "maximum": 3600, "title": "Gone", "type": "number", "x-unit": "s",
    }  # fmt: skip


def test_a_message_is_about_the_first_key_that_it_names():
    options = {"decide": {"min_frames": 9, "max_frames": 3}, "log": {"level": "x"}}
    assert key_in("settings.yaml, line 1: decide.max_frames: too few", options) == "decide.max_frames"
    assert key_in("decide.min_frames_more is unknown", options) is None
    assert key_in("the disk is full", {"log": {"level": "x"}}) == "log.level"
    assert key_in("anything", {"log": 3}) is None
