"""``send`` in the journal's native protocol; systemd(1) has it under "Native Journal Protocol"."""

from __future__ import annotations

import socket
import struct
import sys
import traceback

SOCKET = "/run/systemd/journal/socket"
"""libsystemd has no way to change this; tests do."""


def send(MESSAGE, MESSAGE_ID=None, CODE_FILE=None, CODE_LINE=None, CODE_FUNC=None, **kwargs):
    """Send one entry; without a journal nothing happens, as with libsystemd."""
    lines = [("MESSAGE", MESSAGE)]
    if MESSAGE_ID is not None:
        lines.append(("MESSAGE_ID", getattr(MESSAGE_ID, "hex", MESSAGE_ID)))
    if CODE_LINE is CODE_FILE is CODE_FUNC is None:
        CODE_FILE, CODE_LINE, CODE_FUNC = traceback.extract_stack(limit=2)[0][:3]
    code = {"CODE_FILE": CODE_FILE, "CODE_LINE": CODE_LINE, "CODE_FUNC": CODE_FUNC}
    lines += [(name, value) for name, value in code.items() if value is not None]
    lines += kwargs.items()
    if "SYSLOG_IDENTIFIER" not in kwargs:
        lines.append(("SYSLOG_IDENTIFIER", sys.executable.rpartition("/")[2]))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        try:
            link.sendto(b"".join(_field(name, value) for name, value in lines), SOCKET)
        except (FileNotFoundError, ConnectionRefusedError):
            return


def _field(name, value):
    data = value if isinstance(value, bytes) else str(value).encode()
    if b"\n" in data:
        return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
    return name.encode() + b"=" + data + b"\n"
