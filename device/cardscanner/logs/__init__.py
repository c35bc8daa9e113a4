"""Logging: fields for the journal, JSON lines for machines, readable lines on a terminal, secrets never.

Other modules only call ``structlog.get_logger(__name__)``; this room decides what happens to the lines.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, Literal

import structlog

from cardscanner.logs.calming import Calm
from cardscanner.logs.hiding import HIDDEN, hide_in_text, hide_secrets
from cardscanner.logs.journal import is_journal, with_priority
from cardscanner.logs.outlets import Journal, Output
from cardscanner.logs.rotation import LogFile
from cardscanner.os_systemd import systemd_journal

__all__ = ["LogFile", "OnlyHere", "configure_logs", "hide_in_text", "hide_secrets"]

Processor = Callable[[Any, str, MutableMapping[str, Any]], MutableMapping[str, Any]]


class OnlyHere:
    """A secret that a line is meant to show to who can read this machine's own log, and to nobody else.

    The claim code of a new box is one: standard output and the journal tell it; the log file, the topic
    ``log`` and whatever else takes lines do not.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return HIDDEN

    __repr__ = __str__

    def reveal(self) -> str:
        """Return what it is."""
        return self._text


def configure_logs(
    level: Literal["debug", "info", "warning", "error"] = "info",
    shape: Literal["auto", "json", "human"] = "auto",
    tap: Processor | None = None,
    file: LogFile | None = None,
) -> None:
    """Send log lines to the journal, as JSON to standard output, or as words to a terminal.

    ``tap`` and ``file`` get each line too, as a mapping whose secrets are hidden.
    """
    journal = systemd_journal() if shape == "auto" and is_journal(sys.stdout) else None
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _hide,
            Calm(),
            *([] if tap is None else [_aside(tap)]),
            _told_exception,
            *([] if file is None else [_aside(file)]),
            _reveal,
            *([] if journal is not None else _as_line(shape)),
        ],
        logger_factory=lambda *_: Output() if journal is None else Journal(journal, Output()),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=False,
    )


def _as_line(shape: Literal["auto", "json", "human"]) -> list[Any]:
    """Return the processors that make one line of text."""
    terminal = sys.stdout.isatty()
    if shape == "human" or (shape == "auto" and terminal):
        plain = structlog.dev.plain_traceback  # of an exception that is text by now
        return [structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=plain)]
    json_line = structlog.processors.JSONRenderer(default=str)
    if not is_journal(sys.stdout):
        return [json_line]

    def prioritised(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        return with_priority(str(json_line(logger, method, event)), str(event.get("level", "info")))

    return [prioritised]


def _hide(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide everything but what is meant for here, and only where it is a field of its own."""
    here = {key: value for key, value in event.items() if isinstance(value, OnlyHere)}
    return {**hide_secrets(logger, method, event), **here}


def _reveal(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value.reveal() if isinstance(value, OnlyHere) else value for key, value in event.items()}


def _aside(tap: Processor) -> Processor:
    """Show a tap each line without what is only for here; what it returns changes nothing."""

    def show(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        tap(logger, method, {k: HIDDEN if isinstance(v, OnlyHere) else v for k, v in event.items()})
        return event

    return show


def _told_exception(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace ``exc_info`` by the text of the traceback, without what it tells of secrets."""
    told = structlog.processors.format_exc_info(logger, method, dict(event))
    if "exception" in told:
        told["exception"] = hide_in_text(str(told["exception"]))
    return told
