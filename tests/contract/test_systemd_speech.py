"""Both ways of speaking to systemd: through python-systemd, and through a socket of our own."""

import os
import re
import socket
import sys
import tempfile
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from cardscanner.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def ear(request, monkeypatch):
    """The socket that systemd names in NOTIFY_SOCKET."""
    with tempfile.TemporaryDirectory() as folder:  # shorter than pytest's: a socket path holds 107 bytes
        address = f"@cardscanner-speech-{os.getpid()}" if request.param == "abstract" else f"{folder}/notify"
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as ear:
            ear.bind("\0" + address[1:] if address.startswith("@") else address)
            ear.settimeout(5)
            yield ear


@pytest.fixture(params=["python-systemd", "socket"], autouse=True)
def way(request, monkeypatch):
    if request.param == "socket":  # as where the operating system has no python3-systemd
        monkeypatch.setitem(sys.modules, "systemd.daemon", None)
    return request.param


def hears(ear):
    return ear.recv(4096).decode()


def test_the_words_are_the_same(ear):
    notifier = Notifier()
    notifier.ready("scanning, 20 °C")
    notifier.alive()
    notifier.status("camera\nlost")
    notifier.reloading()
    notifier.stopping()
    assert [hears(ear) for _ in range(3)] == [
        "READY=1\nSTATUS=scanning, 20 °C",
        "WATCHDOG=1",
        "STATUS=camera lost",
    ]
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", hears(ear))
    assert hears(ear) == "STOPPING=1"


def test_the_way_is_the_one_that_the_machine_has(ear, way):
    assert (sys.modules.get("systemd.daemon") is not None) == (way == "python-systemd")
    Notifier().alive()
    assert hears(ear) == "WATCHDOG=1"


def test_a_systemd_that_does_not_listen_is_one_warning_and_its_return_one_line(monkeypatch, tmp_path):
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("NOTIFY_SOCKET", f"{folder}/notify")
        with capture_logs() as lines, closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as ear:
            notifier = Notifier()
            notifier.alive()
            notifier.alive()
            ear.bind(f"{folder}/notify")
            notifier.alive()
            notifier.alive()
            assert hears(ear) == "WATCHDOG=1"
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "systemd cannot be told how we are"),
        ("info", "systemd can be told again how we are"),
    ]


def test_without_systemd_nothing_is_said_and_nothing_fails(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with capture_logs() as lines:
        Notifier().ready("scanning")
    assert lines == []
