"""``notify`` as libsystemd's sd_notify(3) does it."""

from __future__ import annotations

import errno
import os
import socket


def notify(status, unset_environment=False, pid=0, fds=None):
    """Return whether anybody was told; OSError when telling failed."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address is None:
        return False
    if unset_environment:
        del os.environ["NOTIFY_SOCKET"]
    if address[:1] not in {"/", "@"} or len(address) < 2:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.connect("\0" + address[1:] if address[0] == "@" else address)
        link.sendall(status.encode())
    return True
