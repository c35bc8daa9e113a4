"""What systemd hears: exact datagrams on a real socket."""

import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cardscanner.notify import Notifier


class Systemd:
    """The receiving end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.settimeout(5)

    def hears(self) -> str:
        return self._socket.recv(4096).decode()

    def hears_nothing_more(self) -> bool:
        self._socket.setblocking(False)
        try:
            self._socket.recv(4096)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(request) -> Iterator[Systemd]:
    with tempfile.TemporaryDirectory() as folder:  # shorter than pytest's: a socket path holds 107 bytes
        name = f"@cardscanner-{os.getpid()}" if request.param == "abstract" else f"{folder}/notify"
        server = Systemd(name)
        yield server
        server.close()


def test_each_message_is_one_datagram_in_the_words_of_sd_notify(systemd):
    notifier = Notifier(systemd.address)
    notifier.ready("scanning")
    notifier.alive()
    notifier.status("camera lost")
    notifier.stopping()
    assert systemd.hears() == "READY=1\nSTATUS=scanning"
    assert systemd.hears() == "WATCHDOG=1"
    assert systemd.hears() == "STATUS=camera lost"
    assert systemd.hears() == "STOPPING=1"
    assert systemd.hears_nothing_more()


def test_a_reload_carries_the_monotonic_time_in_microseconds(systemd):
    before = time.monotonic_ns() // 1000
    Notifier(systemd.address).reloading()
    found = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", systemd.hears())
    assert found
    assert before <= int(found[1]) <= time.monotonic_ns() // 1000


def test_a_line_break_in_a_status_cannot_smuggle_in_another_message(systemd):
    notifier = Notifier(systemd.address)
    notifier.status("bad file:\n  line 3\r\nSTOPPING=1")
    notifier.ready("a\nb")
    assert systemd.hears() == "STATUS=bad file: line 3 STOPPING=1"
    assert systemd.hears() == "READY=1\nSTATUS=a b"


def test_the_socket_of_the_environment_is_used(systemd, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)
    Notifier().alive()
    assert systemd.hears() == "WATCHDOG=1"


def test_words_outside_ascii_arrive(systemd):
    Notifier(systemd.address).status("Pokémon: 20 °C")
    assert systemd.hears() == "STATUS=Pokémon: 20 °C"


def test_several_threads_may_speak_at_once(systemd):
    notifier = Notifier(systemd.address)
    speakers = [threading.Thread(target=notifier.alive) for _ in range(5)]
    for each in speakers:
        each.start()
    assert {systemd.hears() for _ in speakers} == {"WATCHDOG=1"}
    for each in speakers:
        each.join()


def test_without_a_socket_nothing_is_said_and_nothing_fails(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with capture_logs() as lines:
        notifier = Notifier()
        notifier.ready("scanning")
        notifier.reloading()
        notifier.alive()
        notifier.status("")
        notifier.stopping()
    assert lines == []


def test_a_systemd_that_cannot_be_reached_is_logged_once_and_the_work_goes_on(tmp_path):
    notifier = Notifier(str(tmp_path / "gone"))
    with capture_logs() as lines:
        for _ in range(3):
            notifier.alive()
    assert [line["event"] for line in lines] == ["systemd cannot be told how we are"]
    assert lines[0]["socket"] == str(tmp_path / "gone")


def test_a_systemd_that_comes_back_is_told_again():
    with tempfile.TemporaryDirectory() as folder:
        notifier = Notifier(f"{folder}/notify")
        with capture_logs() as lines:
            notifier.alive()
            systemd = Systemd(f"{folder}/notify")
            notifier.alive()
            assert systemd.hears() == "WATCHDOG=1"
            systemd.close()
            Path(f"{folder}/notify").unlink()
            notifier.alive()
        assert [line["log_level"] for line in lines] == ["warning", "info", "warning"]


@pytest.mark.parametrize(
    ("usec", "seconds"),
    [("30000000", 30.0), ("1", 1e-6), ("0", None), ("", None), ("-5", None), ("1.5", None), ("soon", None),
     ("²", None), ("٣", None), (" 5", None), ("9" * 5000, None)],
)  # fmt: skip
def test_the_watchdog_time_is_a_whole_number_of_microseconds(usec, seconds):
    assert Notifier("", usec).watchdog_s == seconds


@given(st.text(max_size=20))
def test_no_text_in_the_watchdog_variable_is_a_crash(text):
    found = Notifier("", text).watchdog_s
    assert found is None or found > 0


def test_the_watchdog_time_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "20000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert Notifier("").watchdog_s == 20.0
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert Notifier("").watchdog_s == 20.0


def test_a_watchdog_that_watches_our_parent_is_not_ours(monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "20000000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert Notifier("").watchdog_s is None
