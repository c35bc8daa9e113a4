"""A systemd in miniature: starts a service, takes its notifications, kills it when it falls silent."""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

_ABORT_WITHIN_S = 1.0


class Watchdog:
    """Keeps one command alive, as ``Type=notify``, ``WatchdogSec=`` and ``Restart=always`` do."""

    def __init__(
        self, command: Sequence[str], folder: Path, watchdog_s: float, environment: Mapping[str, str]
    ) -> None:
        self.log = folder / "service.log"
        self.kills_s: list[float] = []
        """When it was killed, monotonic."""
        self.pings_s: list[float] = []
        """When it said that it is alive."""
        self.readies: list[str] = []
        self._command = list(command)
        self._watchdog_s = watchdog_s
        address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._environment = {
            **environment,
            "NOTIFY_SOCKET": address,
            "WATCHDOG_USEC": str(round(watchdog_s * 1e6)),
        }
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="watchdog")
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self._start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(10)
        self.process.kill()
        self.process.wait(10)
        self._socket.close()

    def _start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )
        self._armed = False
        self._heard_s = time.monotonic()

    def _keep(self) -> None:
        while not self._stopping.is_set():
            if select.select([self._socket], [], [], 0.05)[0]:
                self._take(self._socket.recv(4096).decode())
            silent_s = time.monotonic() - self._heard_s
            if self._armed and silent_s > self._watchdog_s:
                self._kill()
                self._start()

    def _take(self, message: str) -> None:
        if "READY=1" in message:
            self.readies.append(message)
            self._armed, self._heard_s = True, time.monotonic()
        if "WATCHDOG=1" in message:
            self._heard_s = time.monotonic()
            self.pings_s.append(self._heard_s)

    def _kill(self) -> None:
        self.kills_s.append(time.monotonic())
        self.process.send_signal(signal.SIGABRT)
        try:
            self.process.wait(_ABORT_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
