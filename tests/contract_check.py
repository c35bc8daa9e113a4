"""Holds messages against the documents in docs/mqtt: QoS, retain flag, content type, JSON Schema."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from cardscanner.publish.contract import CHANNELS, COMMANDS

SCHEMAS = Path(__file__).parents[1] / "docs" / "mqtt"
_TOPIC = re.compile(r"cardscanner/[a-z0-9-]{1,32}/(.+)")
_BY_NAME = {channel.name: channel for channel in CHANNELS if channel.says == "device"}


@cache
def validator(name: str) -> Draft202012Validator:
    """Return what checks the payload called ``name``, as in the file's name."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def check_messages(messages: list[Any]) -> None:
    """Check everything that a subscriber heard; what is no device's message is left alone."""
    for heard in messages:
        if found := _TOPIC.fullmatch(heard.topic):
            _check(heard, found[1])


def check_command(command: str, request: Any) -> None:
    """Check what a test is about to ask."""
    validator(f"cmd-{command}").validate(request)


def check_answer(command: str, answer: Any) -> None:
    """Check an answer, wherever it came."""
    name = f"rsp-{command}" if command in COMMANDS else "rsp-ping"  # an error looks alike everywhere
    validator(name).validate(answer)


def _check(heard: Any, name: str) -> None:
    kind, _, rest = name.partition("/")
    if kind == "rsp":
        assert not heard.retain, heard.topic
        check_answer(rest, heard.json())
    elif name in _BY_NAME:
        _check_channel(heard, name)


def _check_channel(heard: Any, name: str) -> None:
    channel = _BY_NAME[name]
    assert heard.qos <= channel.qos, f"{heard.topic}: QoS {heard.qos}"
    # A subscriber may ask for what is retained as it was published; a message is never retained by mistake.
    assert channel.retain or not heard.retain, f"{heard.topic}: retained"
    assert heard.content_type in {None, channel.content_type}, f"{heard.topic}: {heard.content_type}"
    if channel.payload is not None and heard.payload:
        validator(name).validate(heard.json())
    elif name == "status":
        assert heard.payload in {b"online", b"offline"}, heard.payload
