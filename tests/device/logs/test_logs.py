"""Log lines: JSON for machines, words for people, secrets for nobody."""

import json
import math
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.errors import ArtifactError
from cardscanner.logs import configure_logs, hide_secrets


@pytest.fixture(autouse=True)
def _default_logs():
    yield
    structlog.reset_defaults()


def strictly(text: str) -> object:
    """Parse JSON as other languages do: no NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def lines_of(capsys) -> list[dict]:
    return [strictly(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_one_json_object_with_level_and_utc_time(capsys):
    configure_logs(shape="json")
    structlog.get_logger("any").info("ready", cards=3, camera="top")
    (line,) = lines_of(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "ready", "level": "info", "cards": 3, "camera": "top"}


def test_auto_means_json_where_nobody_watches(capsys):
    configure_logs()
    structlog.get_logger().warning("hello")
    assert lines_of(capsys)[0]["event"] == "hello"


def test_human_lines_are_read_by_people(capsys):
    configure_logs(shape="human")
    structlog.get_logger().warning("camera is lost", reason="unplugged")
    text = capsys.readouterr().out
    assert "camera is lost" in text
    assert "reason=unplugged" in text
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


LOGGING_CHILD = """
import structlog
from cardscanner.logs import configure_logs
configure_logs(shape="json")
for number in range(5):
    structlog.get_logger().info("ready", number=number)
"""


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_line_is_written_at_once_so_that_nothing_else_gets_into_it(buffered):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # keeps every write apart
    with ours:
        with theirs:
            environment = {**os.environ, "PYTHONUNBUFFERED": buffered}
            subprocess.run([sys.executable, "-c", LOGGING_CHILD], env=environment, stdout=theirs, check=True)
        writes = list(iter(lambda: ours.recv(65536), b""))
    assert [strictly(each.decode())["number"] for each in writes] == list(range(5))
    assert all(each.endswith(b"}\n") for each in writes)


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_lines_below_the_level_are_left_out(capsys, level, heard):
    configure_logs(level, "json")
    log = structlog.get_logger()
    for each in ("debug", "info", "warning", "error"):
        getattr(log, each)("x")
    assert [line["level"] for line in lines_of(capsys)] == heard


def test_the_level_can_change_while_loggers_exist(capsys):
    log = structlog.get_logger()
    configure_logs("error", "json")
    log.info("not heard")
    configure_logs("info", "json")
    log.info("heard")
    assert [line["event"] for line in lines_of(capsys)] == ["heard"]


SECRET = "hunter2"


@pytest.mark.parametrize(
    "fields",
    [
        {"password": SECRET},
        {"mqtt_password": SECRET},
        {"Authorization": SECRET},
        {"API_TOKEN": SECRET},
        {"private_key": SECRET.encode()},
        {"credentials": {"user": "box", "pw": SECRET}},
        {"config": {"publish": {"mqtt": {"password": SECRET}}}},
        {"brokers": [{"host": "a", "passwd": SECRET}]},
        {"nested": ({"deep": [[{"secret": SECRET}]]},)},
        {"passwords": [SECRET, SECRET]},
        {"url": f"mqtt://box:{SECRET}@broker:1883"},
        {"cause": f"cannot open rtsp://admin:{SECRET}@10.0.0.5/stream: timed out"},
        {"odd": f"rtsp://admin:p@ss{SECRET}@10.0.0.5/stream"},
        {"sources": [f"http://u:{SECRET}@cam/"]},
    ],
)
@pytest.mark.parametrize("shape", ["json", "human"])
def test_secrets_are_hidden_at_any_depth_and_in_any_shape(capsys, fields, shape):
    configure_logs(shape=shape)
    structlog.get_logger().info("connected", **fields)
    text = capsys.readouterr().out
    assert SECRET not in text
    assert "(hidden)" in text


@pytest.mark.parametrize("shape", ["json", "human"])
def test_a_login_in_an_address_is_hidden_in_tracebacks_and_events_too(capsys, shape):
    configure_logs(shape=shape)
    try:
        raise OSError(f"no route to rtsp://admin:{SECRET}@cam/1")
    except OSError as error:
        structlog.get_logger().error(f"lost rtsp://admin:{SECRET}@cam/1", exc_info=error)
    text = capsys.readouterr().out
    assert SECRET not in text
    assert "rtsp://(hidden)@cam/1" in text


def test_an_address_without_a_login_and_an_at_sign_elsewhere_stay(capsys):
    configure_logs(shape="json")
    structlog.get_logger().info("x", a="mqtt://broker:1883/a@b", b="mail me@example.org")
    (line,) = lines_of(capsys)
    assert (line["a"], line["b"]) == ("mqtt://broker:1883/a@b", "mail me@example.org")


def test_bytes_and_pictures_are_told_by_their_size(capsys):
    configure_logs(shape="json")
    frame = np.zeros((720, 1280, 3), np.uint8)
    structlog.get_logger().info(
        "x", a=b"\x00" * 1000, b=[bytearray(5)], c={"frame": frame}, d=memoryview(b"abc")
    )
    (line,) = lines_of(capsys)
    assert line["a"] == "(1000 bytes)"
    assert line["b"] == ["(5 bytes)"]
    assert line["c"] == {"frame": "(array (720, 1280, 3) uint8)"}
    assert line["d"] == "(3 bytes)"


def test_numbers_of_numpy_are_numbers_and_what_json_lacks_is_words(capsys):
    configure_logs(shape="json")
    structlog.get_logger().info(
        "x", a=np.float32(0.5), b=np.int64(3), c=math.nan, d=[math.inf], e=np.float64("nan")
    )
    (line,) = lines_of(capsys)
    assert (line["a"], line["b"], line["c"], line["d"], line["e"]) == (0.5, 3, "nan", ["inf"], "nan")


def test_keys_that_are_no_words_and_values_of_any_kind_do_not_stop_a_line(capsys):
    configure_logs(shape="json")
    structlog.get_logger().info("x", a={1: 2, (3, 4): 5, b"k": 6}, b={7}, c=object)
    (line,) = lines_of(capsys)
    assert line["a"] == {"1": 2, "(3, 4)": 5, "b'k'": 6}
    assert line["b"] == [7]
    assert "object" in line["c"]


def test_an_exception_is_told_whole_with_its_cause_inside_one_json_line(capsys):
    configure_logs(shape="json")
    try:
        try:
            {}["vectors.npy"]
        except KeyError as error:
            raise ArtifactError("the file is\nmissing") from error
    except ArtifactError as error:
        structlog.get_logger().error("thread ended", thread="scan", exc_info=error)
    (line,) = lines_of(capsys)
    told = line["exception"]
    assert "KeyError: 'vectors.npy'" in told
    assert "ArtifactError: the file is\nmissing" in told
    assert "direct cause" in told
    assert "test_logs.py" in told
    assert line["thread"] == "scan"


def test_a_thread_that_ended_without_an_error_has_no_traceback(capsys):
    configure_logs(shape="json")
    structlog.get_logger().error("thread ended", exc_info=None)
    assert "exception" not in lines_of(capsys)[0]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(
    fields=st.dictionaries(st.text(max_size=8), VALUES, max_size=4),
    place=st.lists(st.integers(0, 1), max_size=4),
)
def test_whatever_is_logged_is_a_json_line_and_hides_a_password_inside(fields, place):
    inner: object = {"password": SECRET}
    for each in place:
        inner = [inner] if each else {"x": inner}
    event = hide_secrets(None, "info", {"event": "x", **fields, "deep": inner})
    text = structlog.processors.JSONRenderer(default=str)(None, "info", dict(event))
    assert isinstance(strictly(text), dict)
    assert SECRET not in text


def test_hiding_does_not_change_what_the_caller_holds():
    held = {"password": SECRET, "list": [1]}
    hide_secrets(None, "info", {"event": "x", "config": held})
    assert held == {"password": SECRET, "list": [1]}
