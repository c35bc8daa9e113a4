"""Where finished lines go: standard output, or the journal. A line that nobody takes ends nothing."""

from __future__ import annotations

import sys
import threading
from typing import Any

from cardscanner.logs.journal import journal_fields, with_priority


class Output:
    """A logger that writes each line to standard output in one piece."""

    _lock = threading.Lock()

    def msg(self, line: str) -> None:
        """Write it.

        One write a line: the publisher writes to the same pipe from a thread of its own, and print() writes a
        line and its end apart where PYTHONUNBUFFERED is set.
        """
        with self._lock:
            try:
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
            except OSError:  # a full disk, a reader that has gone: there is nowhere left to say so
                return

    debug = info = warning = warn = error = critical = exception = fatal = log = msg


class Journal:
    """A logger that hands lines to the journal as fields; what it refuses goes to standard output."""

    def __init__(self, journal: Any, otherwise: Output) -> None:
        self._journal = journal
        self._otherwise = otherwise

    def msg(self, **event: Any) -> None:
        """Send it."""
        fields = journal_fields(event)
        words = fields.pop("MESSAGE")
        try:
            self._journal.send(words, **fields)
        except OSError:
            self._otherwise.msg(with_priority(words, str(event.get("level"))))

    debug = info = warning = warn = error = critical = exception = fatal = log = msg
