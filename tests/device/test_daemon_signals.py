"""SIGHUP and systemd: a mistake never stops a scanner that works, and nobody is told what is not so."""

from __future__ import annotations

import shutil
import socket
from contextlib import closing

import pytest
import yaml
from daemons import Daemon, edit, flip, looping
from small_scanner import small_scanner


@pytest.fixture
def scanner(tmp_path):
    return small_scanner(tmp_path / "scanner")


OLD_STAYS = "the new configuration cannot be used; the old one stays"


def test_sighup_takes_a_new_configuration(scanner):
    config = scanner.config(camera=looping())
    with Daemon(config) as daemon:
        daemon.await_line("ready")
        daemon.await_line("card decided")
        edit(config, "device_id: small", "device_id: renamed")
        daemon.ask_to_reload()
        daemon.await_line("ready", count=2)
        daemon.await_line("card decided", count=len(daemon.said("card decided")) + 1)
        assert daemon.stop() == 0
    devices = [line["device"] for line in daemon.said() if "device" in line]
    assert (devices[0], devices[-1]) == ("small", "renamed")
    assert [line["reason"] for line in daemon.said("stopped")] == ["reload", "stop"]


def lose_the_model(root):
    shutil.rmtree(root / "model")


def misspell(root):
    edit(root / "cardscanner.yaml", "min_frames", "min_framez")


def name_a_password_file_that_is_not_there(root):
    publish = {"backend": "mqtt", "username": "box", "password_file": "nowhere"}
    document = yaml.safe_load((root / "cardscanner.yaml").read_text())
    (root / "cardscanner.yaml").write_text(yaml.safe_dump({**document, "publish": publish}))


@pytest.mark.parametrize(
    ("mistake", "word"),
    [
        (misspell, "line 9: decide.min_framez"),
        (lose_the_model, "manifest.json is missing"),
        (lambda root: flip(root / "db" / "vectors.npy"), "vectors.npy does not have the SHA-256"),
        (name_a_password_file_that_is_not_there, "publish.password_file"),
    ],
)
def test_sighup_with_a_mistake_leaves_the_scanner_as_it_was(scanner, mistake, word):
    config = scanner.config(camera=looping())
    with Daemon(config) as daemon:
        daemon.await_line("card decided")
        mistake(config.parent)
        daemon.ask_to_reload()
        assert word in daemon.await_line(OLD_STAYS)["error"]
        daemon.await_line("card decided", count=len(daemon.said("card decided")) + 2)
        assert len(daemon.said("ready")) == 1
        assert daemon.stop() == 0


class Systemd:
    """The receiving end of NOTIFY_SOCKET."""

    def __init__(self, path) -> None:
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "2000000"}
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(60)

    def hear(self, beginning, count=1) -> str:
        """Wait for a message; those in between are kept."""
        while True:
            self.heard.append(self._socket.recv(4096).decode())
            if self.heard[-1].startswith(beginning):
                count -= 1
                if count == 0:
                    return self.heard[-1]

    def close(self) -> None:
        self._socket.close()


def test_systemd_hears_of_the_start_of_progress_of_reloads_and_of_the_end(scanner, tmp_path):
    config = scanner.config(camera=looping())
    with (
        closing(Systemd(tmp_path / "notify.sock")) as systemd,
        Daemon(config, **systemd.environment) as daemon,
    ):
        assert systemd.hear("READY=1") == "READY=1\nSTATUS=scanning"
        systemd.hear("WATCHDOG=1", count=3)
        daemon.ask_to_reload()
        assert "\nMONOTONIC_USEC=" in systemd.hear("RELOADING=1")
        systemd.hear("READY=1")
        misspell(scanner.root)
        daemon.ask_to_reload()
        systemd.hear("RELOADING=1")
        assert "scanning with the old configuration" in systemd.hear("READY=1")
        daemon.process.terminate()
        systemd.hear("STOPPING=1")
        assert daemon.end() == 0
        assert systemd.heard.count("STOPPING=1") == 1


def test_systemd_is_not_told_ready_when_nothing_could_be_opened(scanner, tmp_path):
    flip(scanner.database / "index.ann")
    with (
        closing(Systemd(tmp_path / "notify.sock")) as systemd,
        Daemon(scanner.config(), **systemd.environment) as daemon,
    ):
        systemd.hear("STOPPING=1")
        assert daemon.end() == 65
    assert not any("READY=1" in each for each in systemd.heard)
