"""The settings form's data: what may be set, as JSON Schema made from the configuration's own models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cardscanner.config import Config
from cardscanner.control.settings import SETTABLE

_UNITS = {"_s": "s", "_ms": "ms", "_px": "px", "_bytes": "bytes", "_c": "°C"}
_UNIT_OF = {"width": "px", "height": "px", "fps": "frames/s", "max_per_s": "messages/s"}


def settings_schema(config: Config) -> dict[str, Any]:
    """Return the schema of the sections that may be set, for the backends in use.

    ``x-unit`` is the unit of a number; titles are the keys in words.
    """
    definitions: dict[str, Any] = {}
    sections = {}
    for section, keys in SETTABLE.items():
        model = type(getattr(config, section))
        schema = model.model_json_schema(ref_template="#/$defs/{model}")
        definitions |= schema.pop("$defs", {})
        properties = {key: _field(key, each) for key, each in schema["properties"].items() if key in keys}
        if properties:
            sections[section] = {
                "type": "object",
                "title": _words(section),
                "description": schema.get("description", ""),
                "additionalProperties": False,
                "properties": properties,
            }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": sections,
        **({"$defs": definitions} if definitions else {}),
    }


def settable_values(config: Config) -> dict[str, dict[str, Any]]:
    """Return the values of everything that may be set."""
    everything = config.model_dump(mode="json")
    return {
        section: {key: value for key, value in everything[section].items() if key in keys}
        for section, keys in SETTABLE.items()
        if keys & everything[section].keys()
    }


def key_in(message: str, options: Mapping[str, Any]) -> str | None:
    """Return the key that an error message is about, as ``decide.min_frames``, or ``None``."""
    keys = [
        f"{section}.{key}"
        for section, values in options.items()
        for key in (values if isinstance(values, dict) else ())
    ]
    named = [key for key in keys if re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.])", message)]
    if named:
        return min(named, key=message.index)
    return keys[0] if len(keys) == 1 else None


def _field(key: str, schema: dict[str, Any]) -> dict[str, Any]:
    field = schema | {"title": _words(key)}
    unit = _UNIT_OF.get(key) or next((unit for end, unit in _UNITS.items() if key.endswith(end)), None)
    return field | ({"x-unit": unit} if unit else {})


def _words(key: str) -> str:
    for end in _UNITS:
        key = key.removesuffix(end)
    return key.replace("_", " ").capitalize()
