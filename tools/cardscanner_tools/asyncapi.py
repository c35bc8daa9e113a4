"""The contract as an AsyncAPI 3 document, with the MQTT bindings 0.2.0."""

from __future__ import annotations

from typing import Any

from cardscanner import __version__
from cardscanner.config import DEVICE_ID, MqttConfig
from cardscanner.publish.contract import CHANNELS, COMMANDS, Channel, Command
from cardscanner.publish.topics import ROOT
from cardscanner.publish.transactions import KEEP_S

_BINDINGS = "0.2.0"
_ABOUT = (
    "What a card scanner says over MQTT and what it can be told. MQTT 5 by default; with 3.1.1 there are no "
    "content types, expiry, Response Topics and reason codes. Consumers ignore fields that they do not know. "
    "Topics `scan` and `event` come at least once: drop what has an id that you have seen."
)
_DEVICE = {"device": {"description": f"id of the device, {DEVICE_ID}; commands go to everybody under `all`"}}


def asyncapi_document() -> dict[str, Any]:
    """Return the whole document; payloads are the schema files beside it."""
    prefix = str(MqttConfig.model_fields["response_prefix"].default)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Card scanner",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            **{_key(channel): _channel(channel) for channel in CHANNELS},
            **{f"cmd-{name}": _command_channel(command) for name, command in COMMANDS.items()},
            **{f"rsp-{name}": _answer_channel(command) for name, command in COMMANDS.items()},
        },
        "operations": {
            **{_key(channel): _operation(channel) for channel in CHANNELS},
            **{f"cmd-{name}": _command_operation(command, prefix) for name, command in COMMANDS.items()},
        },
    }


def _key(channel: Channel) -> str:
    """Name of a channel in the document: ``last-image`` for last/image, ``ack`` for ack/{consumer}."""
    return channel.name.split("/{")[0].replace("/", "-")


def _channel(channel: Channel) -> dict[str, Any]:
    key = _key(channel)
    parameters: dict[str, Any] = dict(_DEVICE)
    if "{consumer}" in channel.name:
        parameters["consumer"] = {"description": "a name of publish.await_ack"}
    return {
        "address": f"{ROOT}/{{device}}/{channel.name}",
        "description": channel.about,
        "parameters": parameters,
        "messages": {key: _message(channel)},
    }


def _message(channel: Channel) -> dict[str, Any]:
    message: dict[str, Any] = {"contentType": channel.content_type, "summary": channel.about}
    if channel.payload is not None:
        message["payload"] = {"$ref": f"./{_key(channel)}.schema.json"}
    elif channel.name == "status":
        message["payload"] = {"type": "string", "enum": ["online", "offline"]}
    else:
        message["payload"] = {"type": "string", "description": "bytes of a picture"}
    text = channel.content_type != "image/jpeg"
    message["bindings"] = {"mqtt": {"bindingVersion": _BINDINGS, "contentType": channel.content_type}}
    if text:
        message["bindings"]["mqtt"]["payloadFormatIndicator"] = 1
    return message


def _operation(channel: Channel) -> dict[str, Any]:
    return {
        "action": "send" if channel.says == "device" else "receive",
        "channel": {"$ref": f"#/channels/{_key(channel)}"},
        "summary": channel.about,
        "bindings": {"mqtt": {"qos": channel.qos, "retain": channel.retain, "bindingVersion": _BINDINGS}},
    }


def _command_channel(command: Command) -> dict[str, Any]:
    return {
        "address": f"{ROOT}/{{device}}/cmd/{command.name}",
        "description": command.about,
        "parameters": dict(_DEVICE),
        "messages": {
            "command": {
                "summary": command.about,
                "contentType": "application/json",
                "payload": {"$ref": f"./cmd-{command.name}.schema.json"},
                "bindings": {
                    "mqtt": {
                        "correlationData": {"type": "string", "description": "comes back as it is"},
                        "bindingVersion": _BINDINGS,
                    }
                },
            }
        },
    }


def _answer_channel(command: Command) -> dict[str, Any]:
    return {
        "address": f"{ROOT}/{{device}}/rsp/{command.name}",
        "description": "one answer for each transaction",
        "parameters": dict(_DEVICE),
        "messages": {
            "answer": {
                "contentType": "application/json",
                "payload": {"$ref": f"./rsp-{command.name}.schema.json"},
                "bindings": {
                    "mqtt": {
                        "payloadFormatIndicator": 1,
                        "contentType": "application/json",
                        "correlationData": {"type": "string", "description": "of the command"},
                        "bindingVersion": _BINDINGS,
                    }
                },
            }
        },
    }


def _command_operation(command: Command, prefix: str) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/cmd-{command.name}"},
        "summary": command.about,
        "description": f"Never retained. A Response Topic must be below {prefix}; the answer goes there too.",
        "bindings": {
            "mqtt": {
                "qos": 1,
                "retain": False,
                "messageExpiryInterval": int(KEEP_S),
                "bindingVersion": _BINDINGS,
            }
        },
        "reply": {"channel": {"$ref": f"#/channels/rsp-{command.name}"}},
    }
