"""Lines in systemd's journal: fields where python-systemd is there, a priority in any case."""

import json
import os
import re
import socket
import string
import struct
import sys
import tempfile

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from systemd import journal as double

from cardscanner.logs import configure_logs
from cardscanner.logs.journal import is_journal, journal_fields


@pytest.fixture(autouse=True)
def _default_logs():
    yield
    structlog.reset_defaults()


@pytest.fixture
def journald(monkeypatch):
    """The journal's socket, and standard output on its way there."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(f"{folder}/socket")
        ear.settimeout(5)
        monkeypatch.setattr(double, "SOCKET", f"{folder}/socket")
        yield ear


@pytest.fixture
def to_journal(monkeypatch, capfd):
    status = os.fstat(sys.stdout.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    return capfd


def entry(ear):
    """Read one entry of the native protocol."""
    data, found = ear.recv(1 << 16), {}
    while data:
        name, mark, rest = re.match(rb"([^=\n]*)([=\n])", data)[1], *_split(data)
        if mark == b"=":
            value, _, data = rest.partition(b"\n")
        else:
            length = struct.unpack("<Q", rest[:8])[0]
            value, data = rest[8 : 8 + length], rest[9 + length :]
        found[name.decode()] = value.decode()
    return found


def _split(data):
    found = re.match(rb"[^=\n]*([=\n])", data)
    return found[1], data[found.end() :]


def test_a_line_has_its_fields_its_priority_and_words_for_people(journald, to_journal):
    configure_logs()
    structlog.get_logger().warning("camera is lost", reason="cable", tries=3, stages_ms={"embed": 1.5})
    found = entry(journald)
    assert found["MESSAGE"] == 'camera is lost reason=cable tries=3 stages_ms={"embed": 1.5}'
    assert (found["PRIORITY"], found["SYSLOG_IDENTIFIER"]) == ("4", "cardscanner")
    assert (found["REASON"], found["TRIES"], found["STAGES_MS"]) == ("cable", "3", '{"embed": 1.5}')
    assert to_journal.readouterr().out == ""


@pytest.mark.parametrize(
    ("level", "priority"),
    [("debug", "7"), ("info", "6"), ("warning", "4"), ("error", "3"), ("critical", "2")],
)
def test_levels_are_syslogs_priorities_with_fields_and_without(
    journald, to_journal, monkeypatch, level, priority
):
    configure_logs("debug")
    getattr(structlog.get_logger(), level)("x")
    assert entry(journald)["PRIORITY"] == priority
    monkeypatch.setitem(sys.modules, "systemd.journal", None)
    configure_logs("debug")
    getattr(structlog.get_logger(), level)("x")
    line = to_journal.readouterr().out
    assert line.startswith(f"<{priority}>{{")
    assert json.loads(line[3:])["event"] == "x"


def test_a_traceback_is_one_entry_of_several_lines(journald, to_journal):
    configure_logs()
    try:
        raise OSError("no route to rtsp://admin:hunter2@cam/1")
    except OSError as error:
        structlog.get_logger().error("thread ended", exc_info=error)
    message = entry(journald)["MESSAGE"]
    assert message.startswith("thread ended\nTraceback")
    assert message.endswith("OSError: no route to rtsp://(hidden)@cam/1")


def test_without_python_systemd_the_fields_survive_as_json(to_journal, monkeypatch):
    monkeypatch.setitem(sys.modules, "systemd.journal", None)
    configure_logs()
    structlog.get_logger().warning("camera is lost", reason="two\nlines")
    (line,) = to_journal.readouterr().out.splitlines()
    assert json.loads(line.removeprefix("<4>"))["reason"] == "two\nlines"


def test_a_shape_that_was_asked_for_is_kept_in_the_journal_too(to_journal):
    configure_logs(shape="json")
    structlog.get_logger().error("x")
    assert to_journal.readouterr().out.startswith("<3>{")


def test_a_journal_that_is_away_costs_a_line_and_nothing_else(to_journal, monkeypatch, tmp_path):
    monkeypatch.setattr(double, "SOCKET", str(tmp_path / ("x" * 200)))  # longer than a socket's path may be
    configure_logs()
    structlog.get_logger().warning("camera is lost", reason="cable")
    assert to_journal.readouterr().out == "<4>camera is lost reason=cable\n"


def test_only_the_stream_that_systemd_names_is_the_journal(to_journal, monkeypatch, tmp_path):
    assert is_journal(sys.stdout)
    with (tmp_path / "file").open("w") as file:
        assert not is_journal(file)
    for wrong in ("", "1:2", "nonsense"):
        monkeypatch.setenv("JOURNAL_STREAM", wrong)
        assert not is_journal(sys.stdout)


NAMES = st.text(string.printable, max_size=80)
VALUES = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.integers(), max_size=3)
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_every_field_has_a_name_that_the_journal_takes_and_none_that_means_something_else(fields):
    event = {
        "event": "x",
        "level": "error",
        **{k: v for k, v in fields.items() if k not in {"event", "level"}},
    }
    found = journal_fields(event)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", name) for name in found)
    assert (found["PRIORITY"], found["SYSLOG_IDENTIFIER"]) == ("3", "cardscanner")
    assert found["MESSAGE"].startswith("x")


def test_a_field_called_like_one_of_the_journals_own_gets_another_name():
    found = journal_fields(
        {"event": "x", "level": "info", "message": "m", "priority": 9, "unit": "u", "9": 1}
    )
    assert (found["FIELD_MESSAGE"], found["FIELD_PRIORITY"], found["FIELD_UNIT"], found["FIELD_9"]) == (
        "m",
        "9",
        "u",
        "1",
    )
    assert (found["PRIORITY"], found["MESSAGE"]) == ("6", "x message=m priority=9 unit=u 9=1")
