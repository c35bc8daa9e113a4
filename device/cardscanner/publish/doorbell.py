"""Doorbell: wakes a thread that waits in ``select``."""

from __future__ import annotations

import select
import socket
from contextlib import suppress


class Doorbell:
    """One end of a socket pair to wait on, the other to ring; rings not heard yet are one ring."""

    def __init__(self) -> None:
        self._inside, self._outside = socket.socketpair()
        self._inside.setblocking(False)
        self._outside.setblocking(False)

    def ring(self) -> None:
        """Wake whoever waits; never blocks, safe from every thread and after :meth:`close`."""
        with suppress(OSError):  # full: it is ringing already; closed: nobody waits
            self._outside.send(b"!")

    def wait(self, timeout_s: float) -> bool:
        """Wait for a ring at most ``timeout_s`` and clear it; return whether it rang."""
        heard, _, _ = select.select([self._inside], [], [], max(0.0, timeout_s))
        if heard:
            self.clear()
        return bool(heard)

    def clear(self) -> None:
        """Forget the rings so far; do this *before* looking for work, or a ring may be lost."""
        with suppress(BlockingIOError):
            while self._inside.recv(4096):
                pass

    def fileno(self) -> int:
        """File descriptor that is readable while the bell rings."""
        return self._inside.fileno()

    def close(self) -> None:
        """Take the bell down; safe to call twice."""
        self._inside.close()
        self._outside.close()
