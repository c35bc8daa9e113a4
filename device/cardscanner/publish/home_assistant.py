"""The discovery message: one device with all its entities, as Home Assistant's MQTT integration wants it.

Device-based discovery needs Home Assistant 2024.11 or later. Scans that are sent again because a consumer
asked for them (``replayed``) are kept away from automations by templates: there they are no news.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cardscanner.config import MqttConfig
from cardscanner.publish.payload_info import InfoPayload
from cardscanner.publish.topics import Topics

BIRTH = b"online"
"""What Home Assistant publishes on :attr:`HomeAssistant.birth_topic` when it has started."""

_SCANS = ("match", "ambiguous", "no_match")
_MADE_BY = "Cardscanner"
_FRESH_SCAN = "{{ '' if value_json.replayed else value }}"
_FRESH_DECISION = "{{ 'replayed' if value_json.replayed else value_json.event_type }}"


@dataclass(frozen=True, slots=True)
class HomeAssistant:
    """Where Home Assistant listens, and what it is to show."""

    prefix: str
    image: bool
    """Whether ``last/image`` is published."""

    @property
    def birth_topic(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.prefix}/status"

    def discovery_topic(self, device_id: str) -> str:
        """Return the topic of the one retained discovery message."""
        return f"{self.prefix}/device/cardscanner_{device_id}/config"

    def discovery(self, info: InfoPayload) -> bytes:
        """Return the discovery message of a device, UTF-8 JSON; the same for the same facts."""
        return json.dumps(self._message(info), ensure_ascii=False, separators=(",", ":")).encode()

    def _message(self, info: InfoPayload) -> dict[str, Any]:
        topics, name = Topics(info.device), f"cardscanner_{info.device}"
        components = dict(_entities(topics))
        if self.image:
            components["image"] = _image(topics)
        for key, component in components.items():
            component["unique_id"] = f"{name}_{key}"
            component["default_entity_id"] = f"{component['p']}.{name}_{key}".replace("-", "_")
        return {
            "dev": _device(info, name),
            "o": {"name": "cardscanner", "sw": info.daemon},
            "availability": [{"topic": topics.status}],
            "qos": 1,
            "cmps": {**components, **dict(_triggers(topics))},
        }


def home_of(config: MqttConfig) -> HomeAssistant | None:
    """Return what the configuration says; ``None``: Home Assistant is told nothing."""
    if not config.home_assistant.discovery:
        return None
    return HomeAssistant(config.home_assistant.prefix, config.image)


def _device(info: InfoPayload, name: str) -> dict[str, Any]:
    device = {
        "ids": [name],
        "name": f"Card scanner {info.device}",
        "mf": _MADE_BY,
        "mdl": info.hw,
        "sw": info.daemon,
    }
    return device if info.serial is None else {**device, "sn": info.serial}


def _entities(topics: Topics) -> Iterator[tuple[str, dict[str, Any]]]:
    yield (
        "scan",
        {
            "p": "event",
            "name": "Scan",
            "icon": "mdi:cards",
            "state_topic": topics.scan,
            "event_types": list(_SCANS),
            "value_template": _FRESH_SCAN,
        },
    )
    yield (
        "last",
        {
            "p": "sensor",
            "name": "Last card",
            "icon": "mdi:cards-playing",
            "state_topic": topics.last,
            "value_template": "{{ value_json.card.name }}",
            "json_attributes_topic": topics.last,
        },
    )
    yield "camera", _problem(topics, "Camera", "value_json.camera.state != 'ok'")
    # Absent alone is no problem: so it is where the CPU does the work.
    away = "value_json.npu.state in ('hung', 'mismatch') or 'npu_absent' in value_json.reasons"
    yield "accelerator", _problem(topics, "Accelerator", away)
    yield (
        "problem",
        {
            **_problem(topics, "Problem", "value_json.reasons | count > 0"),
            "json_attributes_topic": topics.state,
            "json_attributes_template": "{{ {'reasons': value_json.reasons} | tojson }}",
        },
    )
    yield (
        "outbox",
        {
            **_of_state(topics, "sensor", "Outbox depth", "{{ value_json.outbox.depth }}"),
            "state_class": "measurement",
        },
    )
    yield "scanning", _switch(topics)
    yield "database", _update(topics)


def _problem(topics: Topics, name: str, condition: str) -> dict[str, Any]:
    template = "{{ 'ON' if " + condition + " else 'OFF' }}"
    return {**_of_state(topics, "binary_sensor", name, template), "device_class": "problem"}


def _of_state(topics: Topics, platform: str, name: str, template: str) -> dict[str, Any]:
    return {
        "p": platform,
        "name": name,
        "entity_category": "diagnostic",
        "state_topic": topics.state,
        "value_template": template,
    }


def _switch(topics: Topics) -> dict[str, Any]:
    return {
        "p": "switch",
        "name": "Scanning",
        "icon": "mdi:cctv",
        "state_topic": topics.state,
        "value_template": "{{ 'ON' if value_json.scanning else 'OFF' }}",
        "command_topic": topics.command("scanning"),
        "payload_on": '{"on":true}',
        "payload_off": '{"on":false}',
        "state_on": "ON",
        "state_off": "OFF",
    }


_KNOWN_TO_HOME = [
    "installed_version",
    "latest_version",
    "title",
    "release_summary",
    "release_url",
    "in_progress",
    "update_percentage",
]
"""Home Assistant refuses a message with any other key (2025.4: MQTT_JSON_UPDATE_SCHEMA)."""
_ONLY_KNOWN = f"{{{{ dict(value_json.items() | selectattr('0', 'in', {_KNOWN_TO_HOME})) | tojson }}}}"


def _update(topics: Topics) -> dict[str, Any]:
    return {
        "p": "update",
        "name": "Card database",
        "entity_category": "config",
        "state_topic": topics.update,
        "value_template": _ONLY_KNOWN,
        "command_topic": topics.command("update"),
        "payload_install": '{"target":"db"}',
    }


def _image(topics: Topics) -> dict[str, Any]:
    return {
        "p": "image",
        "name": "Last card image",
        "image_topic": topics.image,
        "content_type": "image/jpeg",
    }


def _triggers(topics: Topics) -> Iterator[tuple[str, dict[str, Any]]]:
    """Device triggers: automations by a click, without any template."""
    for decision in _SCANS:
        yield (
            f"trigger_{decision}",
            {
                "p": "device_automation",
                "automation_type": "trigger",
                "type": decision,
                "subtype": "card",
                "topic": topics.scan,
                "value_template": _FRESH_DECISION,
                "payload": decision,
            },
        )
