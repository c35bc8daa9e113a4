"""Lines for systemd's journal: with fields where python-systemd is there, with a priority in any case."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import IO, Any

IDENTIFIER = "cardscanner"
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""Levels in the numbers of syslog(3), which the journal uses."""
_MESSAGE_ALREADY = {"event", "level", "timestamp", "exception"}
_TAKEN = re.compile(
    r"MESSAGE(_ID)?|PRIORITY|CODE_.*|ERRNO|INVOCATION_ID|USER_INVOCATION_ID|SYSLOG_.*|DOCUMENTATION|TID"
    r"|UNIT|USER_UNIT|OBJECT_.*|COREDUMP_.*"
)
"""Names that systemd.journal-fields(7) gives a meaning."""


def is_journal(stream: IO[str]) -> bool:
    """Whether what is written there goes to the journal, as systemd says in ``JOURNAL_STREAM``."""
    said = os.environ.get("JOURNAL_STREAM", "")
    if not said:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return said == f"{status.st_dev}:{status.st_ino}"


def with_priority(line: str, level: str) -> str:
    """Begin each line with ``<N>``, which the journal takes for its priority."""
    mark = f"<{PRIORITIES.get(level, 6)}>"
    return "\n".join(mark + each for each in line.split("\n"))


def journal_fields(event: Mapping[str, Any]) -> dict[str, str]:
    """Return a line as the journal's fields: MESSAGE for people, the rest to be searched for."""
    rest = {key: _as_text(value) for key, value in event.items() if key not in _MESSAGE_ALREADY}
    words = " ".join([str(event.get("event", "")), *(f"{key}={value}" for key, value in rest.items())])
    if event.get("exception"):
        words += f"\n{event['exception']}"
    return {
        **{_field_name(key): value for key, value in rest.items()},
        "MESSAGE": words,
        "PRIORITY": str(PRIORITIES.get(str(event.get("level", "info")), 6)),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
    }


def _field_name(key: str) -> str:
    """Capitals, digits and ``_``, beginning with a letter, at most 64, and none with a meaning of its own."""
    name = re.sub(r"[^A-Z0-9_]", "_", key.upper()).lstrip("_")[:50]
    return f"FIELD_{name}" if not name or name[0].isdigit() or _TAKEN.fullmatch(name) else name


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
