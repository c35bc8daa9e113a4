"""The parts of a soak: a broker that comes and goes on one port, the daemon, and where its film plays."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from cardscanner.errors import InputError
from cardscanner.shipped import shipped_database, shipped_folder, shipped_model

DEVICE = "soak"
_LISTENS_WITHIN_S = 10.0
_STOPS_WITHIN_S = 20.0


class Broker:
    """A real Mosquitto that forgets everything when it ends."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            raise InputError("the soak needs a broker: sudo apt install mosquitto")
        self.port = free_port()
        self._log = folder / "broker.log"
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
        self._command = [program, "-c", str(config)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        end_s = time.monotonic() + _LISTENS_WITHIN_S
        while time.monotonic() < end_s:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise InputError(f"mosquitto does not listen; its log: {self._log}")

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None, "it does not run"  # noqa: S101 - a mistake of ours
        return self._process.pid

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, in order or not; safe when it is not running."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_STOPS_WITHIN_S)
            self._process = None


class Daemon:
    """``cardscanner run`` as a process."""

    def __init__(self, config: Path, log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cardscanner", "run", "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def stop(self) -> int:
        """Ask it to end; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOPS_WITHIN_S)

    def end(self) -> None:
        """Make sure that nothing is left of it."""
        if self.runs:
            self.process.kill()
            self.process.wait(_STOPS_WITHIN_S)

    def said(self, event: str) -> int:
        """Count the log lines of an event."""
        needle = f'"event": "{event}"'
        return self.log.read_text(encoding="utf-8", errors="replace").count(needle)


def write_config(folder: Path, broker_port: int, **more: Any) -> Path:
    """Write the daemon's configuration: the film as a live camera, which has a process of its own."""
    film = shipped_folder("demo") / "film.mp4"
    document = {
        "device_id": DEVICE,
        "game": "invented",
        "camera": {"backend": "opencv", "device": str(film.resolve()), "timeout_s": 2, "retry_s": 0.5},
        "embedder": {"backend": "onnx", "model": str(shipped_model().resolve()), "threads": 1},
        "index": {"database": str(shipped_database().resolve())},
        "outbox": {"path": str((folder / "outbox.db").resolve())},
        "publish": {"backend": "mqtt", "host": "127.0.0.1", "port": broker_port, "unheard": "keep"},
        "corrections": {"folder": str((folder / "corrections").resolve())},
        "log": {"format": "json"},
        **more,
    }
    path = folder / "cardscanner.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def free_port() -> int:
    """Return a TCP port that nobody listens on just now, below those that Linux gives to connections."""
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
