"""Which ``Host`` headers are ours.

A page of somebody else whose name suddenly leads to our address (DNS rebinding) sends its own name here; it
gets no answer. An address is no name, so it cannot be redirected.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from ipaddress import ip_address

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")


class Hosts:
    """The names under which browsers may reach this box."""

    def __init__(self, further: Iterable[str] = (), machine: str | None = None) -> None:
        own = (socket.gethostname() if machine is None else machine).lower()
        first = own.split(".", 1)[0]
        self._names = {"localhost", own, first, f"{first}.local", *(name.lower() for name in further)}

    def allow(self, header: str) -> bool:
        """Tell whether a ``Host`` header names this box."""
        found = _HOST.fullmatch(header)
        if found is None:
            return False
        name = found["name"].lower()
        return _is_address(name.strip("[]")) or name.rstrip(".") in self._names


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
