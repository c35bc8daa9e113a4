"""A broker for the demo: Mosquitto when it is installed, else amqtt inside a Python process.

amqtt speaks MQTT 3.1.1 only, so the daemon is configured for what the broker speaks.
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cardscanner.demo.children import Stops, child, tail
from cardscanner.errors import PublishError

Wish = Literal["auto", "mosquitto", "embedded"]

_START_S = 20.0
_STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker on this machine."""

    kind: str
    port: int
    protocol: str


@contextmanager
def running_broker(folder: Path, stops: Stops, wish: Wish = "auto") -> Iterator[Broker]:
    """Start a broker on a free port of the loopback, log into ``folder``, stop it at the end.

    Raises
    ------
    PublishError
        The broker that is wished for is not installed, or does not come up.
    """
    port = _free_port()
    command, kind, protocol = _choose(folder, port, wish)
    log = folder / "broker.log"
    with child(command, log, stops, _STOP_S) as process:
        _wait(port, process, log)
        yield Broker(kind, port, protocol)


def _choose(folder: Path, port: int, wish: Wish) -> tuple[list[str], str, str]:
    # Debian's users do not have /usr/sbin on their PATH.
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if mosquitto and wish != "embedded":
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
        return [mosquitto, "-c", str(config)], "mosquitto", "5"
    if wish != "mosquitto" and importlib.util.find_spec("amqtt"):
        command = [sys.executable, "-m", "cardscanner.demo.embedded_broker", str(port)]
        return command, "amqtt (embedded)", "3.1.1"
    raise PublishError(
        "the demo needs a broker: sudo apt install mosquitto, "
        "or pip install 'cardscanner[demo]' for the embedded one"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise PublishError(f"the broker did not come up on port {port}; its log: {log}\n{tail(log)}")
