"""Logging: JSON lines for journald, readable lines on a terminal, secrets never.

Other modules only call ``structlog.get_logger(__name__)``; this module decides what happens to the lines.
"""

from __future__ import annotations

import logging
import math
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Literal

import numpy as np
import structlog

_SECRET_WORDS = ("password", "passwd", "secret", "token", "credential", "private_key", "authorization")
_HIDDEN = "(hidden)"
_LOGIN_IN_ADDRESS = re.compile(r"""(?<=://)[^/\s"'\\]+(?=@)""")


def configure_logs(
    level: Literal["debug", "info", "warning", "error"] = "info",
    shape: Literal["auto", "json", "human"] = "auto",
    tap: Callable[[Any, str, MutableMapping[str, Any]], MutableMapping[str, Any]] | None = None,
) -> None:
    """Send log lines to standard output, as JSON unless it is a terminal; ``tap`` sees each of them too."""
    human = shape == "human" or (shape == "auto" and sys.stdout.isatty())
    ending: list[Any] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
        if human
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide_secrets,
            *([] if tap is None else [tap]),
            *ending,
            hide_logins,
        ],
        # One write a line: the publisher writes to the same pipe from a thread of its own, and print() writes
        # a line and its end apart where PYTHONUNBUFFERED is set.
        logger_factory=structlog.WriteLoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=False,
    )


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace values whose key sounds secret, bytes and pictures, at any depth."""
    return {key: value if key == "exc_info" else _clean(key, value) for key, value in event.items()}


def hide_logins(_logger: Any, _method: str, line: Any) -> str:
    """Hide user names and passwords in addresses, wherever in the finished line they stand."""
    return _LOGIN_IN_ADDRESS.sub(_HIDDEN, str(line))


def _clean(key: str, value: Any) -> Any:  # noqa: PLR0911 - a list of cases
    if any(word in key.lower() for word in _SECRET_WORDS):
        return _HIDDEN
    match value:
        case bytes() | bytearray() | memoryview():
            return f"({len(value)} bytes)"
        case np.ndarray():
            return f"(array {value.shape} {value.dtype})"
        case np.generic():
            return _clean(key, value.item())
        case float() if not math.isfinite(value):
            return str(value)
        case Mapping():
            return {str(inner): _clean(str(inner), each) for inner, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(key, each) for each in value]
        case _:
            return value
