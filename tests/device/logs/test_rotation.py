"""The log in a file: never too large, and never in the way."""

import json
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from cardscanner.logs import LogFile, configure_logs


@pytest.fixture(autouse=True)
def _default_logs():
    yield
    structlog.reset_defaults()


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_are_kept_as_json_beside_those_on_the_terminal(tmp_path, capsys):
    configure_logs(shape="human", file=LogFile(tmp_path / "c.log", 10_000, 3))
    structlog.get_logger().info("ready", cards=3, password="hunter2")
    assert "ready" in capsys.readouterr().out
    (line,) = lines(tmp_path / "c.log")
    assert (line["event"], line["cards"], line["level"], line["password"]) == ("ready", 3, "info", "(hidden)")


def test_a_file_makes_room_before_it_grows_too_large_and_the_oldest_goes(tmp_path):
    configure_logs(shape="json", file=LogFile(tmp_path / "c.log", 1000, 3))
    log = structlog.get_logger()
    for number in range(100):
        log.info("line", number=number)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c.log", "c.log.1", "c.log.2"]
    assert all(each.stat().st_size <= 1000 for each in tmp_path.iterdir())
    kept = [line["number"] for name in ("c.log.2", "c.log.1", "c.log") for line in lines(tmp_path / name)]
    assert kept == list(range(kept[0], 100))


def test_one_file_is_enough_for_who_wants_one(tmp_path):
    configure_logs(shape="json", file=LogFile(tmp_path / "c.log", 500, 1))
    for number in range(50):
        structlog.get_logger().info("line", number=number)
    assert [each.name for each in tmp_path.iterdir()] == ["c.log"]
    assert lines(tmp_path / "c.log")[-1]["number"] == 49


def test_a_disk_that_takes_nothing_is_told_once_asked_again_and_told_when_it_is_back(tmp_path, capsys):
    clock = Clock()
    configure_logs(shape="json", file=LogFile(tmp_path / "logs" / "c.log", 10_000, 3, clock))
    log = structlog.get_logger()
    for number in range(5):
        log.info("line", number=number)
    clock.now_s = 61
    log.info("line", number=5)
    (tmp_path / "logs").mkdir()
    log.info("line", number=6)
    clock.now_s = 122
    log.info("line", number=7)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["number"] for line in told if line["event"] == "line"] == list(range(8))
    about = [(line["level"], line["event"], line.get("left_out")) for line in told if line["event"] != "line"]
    assert about == [
        ("warning", "the log file takes no lines", None),
        ("info", "the log file takes lines again", 8),
    ]
    assert [line.get("number") for line in lines(tmp_path / "logs" / "c.log")] == [7, None]


def test_a_full_disk_costs_scanning_nothing(tmp_path, capsys):
    (tmp_path / "full.log").symlink_to("/dev/full")
    configure_logs(shape="json", file=LogFile(tmp_path / "full.log", 10_000, 3))
    for number in range(3):
        structlog.get_logger().info("line", number=number)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "No space left" in next(line["error"] for line in told if line["level"] == "warning")
    assert sum(line["event"] == "line" for line in told) == 3


def test_standard_output_that_is_full_or_gone_ends_nothing(monkeypatch, tmp_path):
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        configure_logs(shape="json", file=LogFile(tmp_path / "c.log", 10_000, 3))
        structlog.get_logger().info("still here")
        monkeypatch.undo()
        with suppress(OSError):
            full.close()
    assert lines(tmp_path / "c.log")[0]["event"] == "still here"


def test_threads_do_not_mix_their_lines(tmp_path):
    configure_logs(shape="json", file=LogFile(tmp_path / "c.log", 4000, 50))

    def speak(name):
        for number in range(50):
            structlog.get_logger().info("line", thread=name, number=number)

    threads = [threading.Thread(target=speak, args=(name,)) for name in "abcd"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(len(lines(each)) for each in tmp_path.iterdir()) == 200
