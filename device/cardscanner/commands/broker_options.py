"""Where the broker is, as options of the commands that listen to it."""

from __future__ import annotations

import argparse
from typing import Any

from pydantic import ValidationError

from cardscanner.commands.options import path, whole_number
from cardscanner.config import MqttConfig
from cardscanner.configfile import load_config
from cardscanner.errors import ConfigError
from cardscanner.publish.credentials import check_files

_OPTION_OF = {
    "publish.tls.cert_file": "--cert-file",
    "publish.tls.key_file": "--key-file",
    "publish.tls.ca_file": "--ca-file",
    "publish.password_file": "--password-file",
    "publish.username": "--username",
    "publish.protocol": "--protocol",
    "publish.host": "--host",
    "publish.port": "--port",
}
"""Messages about the broker name keys of the configuration; on a command line they are options."""


def add_broker(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    broker = parser.add_argument_group("broker")
    broker.add_argument("--config", type=path, metavar="FILE", help="take the broker from a scanner's file")
    broker.add_argument("--host", metavar="NAME", help="(localhost)")
    broker.add_argument("--port", type=whole_number(1, 65535), metavar="N", help="(1883, with TLS 8883)")
    broker.add_argument("--protocol", choices=["5", "3.1.1"], help="MQTT version (5)")
    broker.add_argument("--username", metavar="NAME")
    broker.add_argument("--password-file", type=path, metavar="FILE", help="file with the password")
    broker.add_argument("--tls", action="store_true", help="use TLS with the system's authorities")
    broker.add_argument("--ca-file", type=path, metavar="FILE", help="TLS: authority of the broker")
    broker.add_argument("--cert-file", type=path, metavar="FILE", help="TLS: our certificate")
    broker.add_argument("--key-file", type=path, metavar="FILE", help="TLS: its key")


def broker_config(arguments: argparse.Namespace) -> MqttConfig:
    """Return where to connect.

    Raises
    ------
    ConfigError
        The options do not fit each other, or a file that they name cannot be used.
    """
    given = {
        key: getattr(arguments, key)
        for key in ("host", "port", "protocol", "username", "password_file")
        if getattr(arguments, key) is not None
    }
    tls = {key: value for key in ("ca_file", "cert_file", "key_file") if (value := getattr(arguments, key))}
    base = _configured(arguments)
    if tls or arguments.tls:
        given["tls"] = {**(base.get("tls") or {}), **tls}
        given.setdefault("port", base.get("port", 8883))
    try:
        config = MqttConfig.model_validate({"backend": "mqtt", **base, **given})
    except ValidationError as error:
        reasons = "; ".join(each["msg"] for each in error.errors(include_url=False, include_input=False))
        raise ConfigError(f"the broker's options do not fit: {reasons}") from None
    check_files(config)
    return config


def _configured(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.config is None:
        return {}
    publish = load_config(arguments.config).publish
    if not isinstance(publish, MqttConfig):
        raise ConfigError(
            f"{arguments.config}: publish.backend is {publish.backend}: there is no broker to ask"
        )
    return publish.model_dump()


def as_options(words: str) -> str:
    """Say in options what a message says in keys of the configuration."""
    for key, option in _OPTION_OF.items():
        words = words.replace(key, option)
    return words
