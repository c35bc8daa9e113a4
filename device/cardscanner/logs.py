"""Logging: JSON lines for journald, readable lines on a terminal, secrets never.

Other modules only call ``structlog.get_logger(__name__)``; this module decides what happens to the lines.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

_SECRET_WORDS = ("password", "passwd", "secret", "token", "credential", "private_key", "authorization")
_HIDDEN = "(hidden)"


def configure_logs(
    level: Literal["debug", "info", "warning", "error"] = "info",
    shape: Literal["auto", "json", "human"] = "auto",
) -> None:
    """Send log lines to standard output, as JSON unless it is a terminal."""
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
            *ending,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=False,
    )


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace values whose key sounds secret, and pictures, at any depth."""
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: Any) -> Any:
    if key == "exc_info":
        return value
    if any(word in key.lower() for word in _SECRET_WORDS):
        return _HIDDEN
    if isinstance(value, bytes | bytearray | memoryview):
        return f"({len(value)} bytes)"
    if isinstance(value, dict):
        return {inner: _clean(str(inner), each) for inner, each in value.items()}
    return value
