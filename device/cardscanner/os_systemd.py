"""python-systemd where the operating system has it (Debian's python3-systemd); never a dependency of ours.

It has no wheels, so it is seen only in an environment made with ``--system-site-packages``. Without it, the
notify socket and the log lines' priority prefix do the same with less.
"""

from __future__ import annotations

import importlib
from typing import Any


def systemd_daemon() -> Any | None:
    """Return the module ``systemd.daemon``, or ``None`` where it is not installed."""
    return _module("systemd.daemon")


def systemd_journal() -> Any | None:
    """Return the module ``systemd.journal``, or ``None`` where it is not installed."""
    return _module("systemd.journal")


def _module(name: str) -> Any | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
