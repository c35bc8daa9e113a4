"""``set``: change the configuration, for good. What changed lies beside the outbox and overrides the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cardscanner.config import Config
from cardscanner.configfile import load_config, read_settings, write_settings
from cardscanner.control.memory import log_file
from cardscanner.control.room import ControlRoom
from cardscanner.errors import CommandRefused, ConfigError
from cardscanner.logs import configure_logs
from cardscanner.publish.orders import AnyAnswer, Order, asked, good
from cardscanner.publish.payload_answer import SetData
from cardscanner.publish.payload_request import SetRequest

SETTABLE = {
    "camera": {"width", "height", "fps", "controls", "timeout_s", "retry_s"},
    "finder": {"effort", "max_cards", "min_confidence", "whole_picture"},
    "decide": {"threshold", "print_gap", "min_frames", "max_frames", "gone_s", "report_no_match", "top"},
    "verify": {"enabled", "threshold", "print_lead"},
    "publish": {"max_per_s", "unheard", "state_every_s", "image", "log"},
    "log": {"level"},
}
"""Nothing that names a file, a host, a right or a secret: who may send commands must not get at those."""
_LIVE = {"log.level"}


def change_settings(room: ControlRoom, order: Order) -> AnyAnswer:
    """Check, store, and say what counts at once and what after a reload; ``null`` takes a change back."""
    request = asked(order, SetRequest)
    _check_names(request.options)
    before = load_config(room.config_path)
    after = _stored(room, _merged(read_settings(before), request.options))
    if after.log != room.config.log:
        configure_logs(after.log.level, after.log.format, room.lines, log_file(after))
    changed = _differences(before, after)
    pending = [key for key in _differences(room.config, after) if key not in _LIVE]
    return good(order, SetData(changed=tuple(changed), pending=tuple(pending)), restart=bool(pending))


def _check_names(options: dict[str, Any]) -> None:
    for section, values in options.items():
        if section not in SETTABLE or not isinstance(values, dict):
            raise CommandRefused("bad_request", f"{section}: sections that may be set: {', '.join(SETTABLE)}")
        for key in values:
            if key not in SETTABLE[section]:
                allowed = ", ".join(sorted(SETTABLE[section]))
                raise CommandRefused("bad_request", f"{section}.{key}: may be set in {section}: {allowed}")


def _merged(settings: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    fresh = {section: dict(values) for section, values in settings.items()}
    for section, values in options.items():
        fresh[section] = {
            key: value for key, value in (fresh.get(section, {}) | values).items() if value is not None
        }
    return {section: values for section, values in fresh.items() if values}


def _stored(room: ControlRoom, settings: dict[str, Any]) -> Config:
    try:
        return write_settings(room.config_path, settings)
    except ConfigError as error:
        raise CommandRefused("bad_request", str(error)) from None


def _differences(before: Config, after: Config) -> list[str]:
    """Return the keys whose values differ, as ``decide.min_frames``."""
    old, new = dict(_flat(before.model_dump())), dict(_flat(after.model_dump()))
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def _flat(section: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, dict) and key != "controls":
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
