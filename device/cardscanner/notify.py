"""The notification protocol of systemd (sd_notify): one datagram to the socket in ``NOTIFY_SOCKET``.

The protocol is documented as stable in sd_notify(3), so the binding to libsystemd is welcome but not needed.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable
from typing import Any

import structlog

from cardscanner.os_systemd import systemd_daemon

log = structlog.get_logger(__name__)

_NUMBER = re.compile(r"[0-9]{1,18}")


class Notifier:
    """Tells systemd how we are; does nothing where no ``NOTIFY_SOCKET`` is set.

    libsystemd speaks where the operating system has its binding (python3-systemd) and the address is the
    environment's; otherwise our own socket does, in the same words.
    """

    def __init__(self, address: str | None = None, watchdog_usec: str | None = None) -> None:
        self._address = address if address is not None else os.environ.get("NOTIFY_SOCKET", "")
        library = systemd_daemon() if address is None else None
        self._speak: Callable[[str], None] = self._by_socket if library is None else _by_library(library)
        usec = watchdog_usec if watchdog_usec is not None else _our_watchdog_usec()
        self.watchdog_s: float | None = int(usec) / 1e6 if _NUMBER.fullmatch(usec) and int(usec) else None
        self._unheard = False

    def ready(self, status: str) -> None:
        """Start-up or a reload is finished."""
        self._send(f"READY=1\nSTATUS={_one_line(status)}")

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
        self._send(f"STATUS={_one_line(text)}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            self._speak(message)
        except OSError as error:
            # As in sd_notify(3): a service that cannot tell how it is goes on with its work.
            if not self._unheard:
                log.warning("systemd cannot be told how we are", socket=self._address, error=str(error))
            self._unheard = True
        else:
            if self._unheard:
                log.info("systemd can be told again how we are")
            self._unheard = False

    def _by_socket(self, message: str) -> None:
        path = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
            link.connect(path)
            link.sendall(message.encode())


def _by_library(daemon: Any) -> Callable[[str], None]:
    def speak(message: str) -> None:
        daemon.notify(message)

    return speak


def _our_watchdog_usec() -> str:
    """``WATCHDOG_USEC``, unless ``WATCHDOG_PID`` says that it was meant for the process that started us."""
    meant_for = os.environ.get("WATCHDOG_PID", "")
    return os.environ.get("WATCHDOG_USEC", "") if meant_for in {"", str(os.getpid())} else ""


def _one_line(text: str) -> str:
    """A line break would begin another assignment."""
    return " ".join(text.split())
