"""The notification protocol of systemd (sd_notify): one datagram to the socket in ``NOTIFY_SOCKET``.

The protocol is documented as stable in sd_notify(3), so no binding to libsystemd is needed.
"""

from __future__ import annotations

import os
import socket
import time


class Notifier:
    """Tells systemd how we are; does nothing where no ``NOTIFY_SOCKET`` is set."""

    def __init__(self, address: str | None = None, watchdog_usec: str | None = None) -> None:
        self._address = address if address is not None else os.environ.get("NOTIFY_SOCKET", "")
        usec = watchdog_usec if watchdog_usec is not None else os.environ.get("WATCHDOG_USEC", "")
        self.watchdog_s: float | None = int(usec) / 1e6 if usec.isdigit() and int(usec) else None

    def ready(self, status: str) -> None:
        """Start-up or a reload is finished."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """The configuration is being read again."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Shutting down on purpose."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Keep the watchdog quiet; call it only when work has made progress."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Show one line in ``systemctl status``."""
        self._send(f"STATUS={text}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        path = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
            link.connect(path)
            link.sendall(message.encode())
