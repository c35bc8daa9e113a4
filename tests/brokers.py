"""A real Mosquitto for tests: on a free port, in a folder of its own, killed and restarted at will."""

from __future__ import annotations

import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

INSTALL = "sudo apt-get install -y mosquitto"
FIRST_EPHEMERAL = 32_768
"""Where Linux begins with the ports that it hands out by itself, see net.ipv4.ip_local_port_range."""


def mosquitto_program(name: str = "mosquitto") -> str:
    """Return the path of a Mosquitto program; a missing one is a failure, not a reason to skip."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert found, f"{name} is not installed; run: {INSTALL}"
    return found


def free_port() -> int:
    """Return a TCP port that nobody listens on just now.

    It lies below those that Linux hands out by itself: no connection of another test gets it while the broker is
    down, and no client that keeps trying connects to itself.
    """
    while True:
        port = 10_000 + secrets.randbelow(FIRST_EPHEMERAL - 10_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def deny_subscriptions(folder: Path) -> tuple[str, ...]:
    """Return options for a broker that refuses every subscription; an access file cannot do that."""
    found = sorted(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"))
    assert found, f"mosquitto's dynamic security plugin is not installed; run: {INSTALL}"
    allowed = {
        "publishClientSend": True,
        "publishClientReceive": True,
        "subscribe": False,
        "unsubscribe": True,
    }
    rules = folder / "dynamic-security.json"
    rules.write_text(json.dumps({"defaultACLAccess": allowed, "clients": [], "groups": [], "roles": []}))
    return f"plugin {found[0]}", f"plugin_opt_config_file {rules}"


class Mosquitto:
    """One broker. ``options`` are lines for its configuration, ``acl`` and ``passwords`` fill those files.

    ``whole`` is a configuration of its own; its port becomes a free one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        options: tuple[str, ...] = (),
        listener: tuple[str, ...] = (),
        acl: str | None = None,
        passwords: dict[str, str] | None = None,
        persistence: bool = False,
        whole: str | None = None,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {self.port} 127.0.0.1",
            *listener,
            f"user {pwd.getpwuid(os.getuid()).pw_name}",
            f"allow_anonymous {'false' if passwords else 'true'}",
            f"persistence {'true' if persistence else 'false'}",
            f"persistence_location {folder}/",
            "log_dest stdout",
            "log_timestamp_format %s",
            "sys_interval 1",
            *options,
        ]
        if acl is not None:
            lines.append(f"acl_file {folder / 'acl'}")
            self.allow(acl)
        if passwords is not None:
            lines.append(f"password_file {folder / 'passwords'}")
            self.admit(passwords)
        self._config = folder / "mosquitto.conf"
        if whole is not None:
            kept = [line for line in lines if line.startswith(("persistence_location ", "user "))]
            lines = [re.sub(r"(?m)^listener \d+$", lines[0], whole), *kept, "log_dest stdout"]
        self._config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def start(self) -> Mosquitto:
        """Start, and wait until it listens."""
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen(
                [mosquitto_program(), "-c", str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 10
        while time.monotonic() < end:
            assert self.process.poll() is None, f"mosquitto ended at once:\n{self.log()}"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.01)
        raise AssertionError(f"mosquitto does not listen on {self.port}:\n{self.log()}")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order; safe to call when it is not running."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Keep the connections open and answer nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after :meth:`freeze`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def reload(self) -> None:
        """Read access rules and passwords again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def allow(self, acl: str) -> None:
        """Write the access rules."""
        self._write_private("acl", acl)

    def admit(self, passwords: dict[str, str]) -> None:
        """Write the password file."""
        self._write_private("passwords", "")
        for user, password in passwords.items():
            subprocess.run(
                [mosquitto_program("mosquitto_passwd"), "-b", str(self.folder / "passwords"), user, password],
                check=True,
                capture_output=True,
            )

    def log(self) -> str:
        """Return everything it has said."""
        return (self.folder / "mosquitto.log").read_text(encoding="utf-8", errors="replace")

    def _write_private(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(number)
        self.process.wait(10)
        self.process = None
