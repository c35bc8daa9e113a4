"""``cardscanner demo``: a short film through the real daemon and both kinds of broker, and Ctrl-C in the middle."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import pytest
from small_scanner import FRAME_H, FRAME_W, photo, table

FPS = 10
SUMMARY = ["presented", "correct", "wrong", "missed", "duplicates", "false_events", "stage_ms"]
FILES = {
    *("broker.log", "cardscanner.yaml", "daemon.log", "events.json"),
    *("outbox.db", "history.db", "history.db-journal", "summary.json"),
}


@dataclass(frozen=True)
class Told:
    """One card in a film: shown for 1.2 s; the truth may call it by another name."""

    number: int
    called: str


def write_film(folder: Path, *cards: Told, still_s: float = 0.0) -> Path:
    """Half a second of table, then each card and a second of table; at the end, ``still_s`` of it."""
    folder.mkdir()
    codec = cv2.VideoWriter_fourcc(*"mp4v")
    video = cv2.VideoWriter(str(folder / "film.mp4"), cv2.CAP_FFMPEG, codec, FPS, (FRAME_W, FRAME_H))
    frames, shown = [None] * 5, []
    for card in cards:
        from_s = len(frames) / FPS
        frames += [card.number] * 12
        shown.append({"card_id": card.called, "way": "plain", "from_s": from_s, "to_s": len(frames) / FPS})
        frames += [None] * FPS
    frames += [None] * round(still_s * FPS)
    tables = [table(seed) for seed in range(5)]
    for position, number in enumerate(frames):
        view = tables[position % 5] if number is None else photo(number, position)
        video.write(view[:, :, ::-1])
    video.release()
    (folder / "truth.json").write_text(json.dumps({"fps": FPS, "shown": shown}))
    return folder


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two cards; of the second, the truth says that it is another one."""
    return write_film(tmp_path_factory.mktemp("film") / "one", Told(3, "card-003"), Told(7, "card-008"))


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    return write_film(tmp_path_factory.mktemp("film") / "long", Told(3, "card-003"), still_s=30)


@pytest.fixture
def demo(scanner, tmp_path):
    """The words that start a demo on the miniature scanner."""

    def words(film, *more):
        return ["demo", "--film", film, "--db", scanner.database, "--model", scanner.model,
                "--out", tmp_path / "out", *more]  # fmt: skip

    return words


def started(words, **how):
    command = [sys.executable, "-m", "cardscanner", *(str(each) for each in words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                            text=True, **how)  # fmt: skip


def processes_of(folder: Path) -> list[str]:
    """Command lines of the processes that work for a demo in this folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            folder_of = (each.parent / "cwd").resolve()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(folder) in command or folder_of == folder:
            found.append(command)
    return [each for each in found if "cardscanner demo" not in each]


def gone(folder: Path, port: int) -> bool:
    """Whether neither a process of the demo is left nor anybody listens on its port."""
    with socket.socket() as probe:
        return not processes_of(folder) and probe.connect_ex(("127.0.0.1", port)) != 0


def port_in(text: str) -> int:
    return int(re.search(r"on port (\d+)", text)[1])


def check_against_the_documentation(payload):
    """The example in docs/events.md has the fields of a real scan, at every depth."""
    text = (Path(__file__).parents[3] / "docs" / "events.md").read_text()
    example = json.loads(text.split("```json\n")[1].split("```")[0])
    assert list(example) == list(payload)
    for key, value in example.items():
        if key == "check" and payload[key] is None:
            continue  # the small database has no pictures
        if isinstance(value, dict):
            assert list(value) == list(payload[key]), key
    assert list(example["candidates"][0]) == list(payload["candidates"][0])


@pytest.mark.parametrize(
    ("broker", "called"),
    [
        ("embedded", "amqtt (embedded) on port {port}, MQTT 3.1.1"),
        pytest.param("mosquitto", "mosquitto on port {port}, MQTT 5", marks=pytest.mark.slow),
    ],
)
def test_the_film_is_played_to_its_end_and_compared_with_the_truth(demo, film, tmp_path, broker, called):
    """In a process without a terminal."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.json").write_text("of an earlier demo")
    process = started(demo(film, "--broker", broker))
    said, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, "")
    summary = json.loads((out / "summary.json").read_text())
    assert list(summary) == SUMMARY
    assert [summary[key] for key in SUMMARY[:-1]] == [2, 1, 1, 0, 0, 0]
    assert {"find", "rectify", "embed", "search"} <= set(summary["stage_ms"])
    assert {each.name for each in out.iterdir()} - {"mosquitto.conf"} == FILES
    events = json.loads((out / "events.json").read_text())
    assert [(each["mark"], each["payload"]["card"]["card_id"]) for each in events] == [
        ("correct", "card-003"), ("wrong", "card-007"),
    ]  # fmt: skip
    check_against_the_documentation(events[0]["payload"])
    lines = said.splitlines()
    assert lines[0] == f"{film}/film.mp4 plays in front of the real scanner: 2 cards in 4 s."
    assert f"Results go to {out}/; Ctrl-C stops it." in lines
    assert f"broker: {called.format(port=port_in(said))}" in lines
    rows = [line for line in lines if re.match(r" +\d\.\ds  match ", line)]
    assert [row.split()[-1] for row in rows] == ["right", "WRONG"]
    assert "presented 2  correct 1  wrong 1  missed 0  duplicates 0  false events 0" in lines
    assert all(letter.isprintable() or letter == "\n" for letter in said)
    assert gone(out, port_in(said))


def test_what_goes_where_is_said_before_anything_else_happens(demo, long_film, tmp_path):
    process = started(demo(long_film))
    first = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert first[0] == f"{long_film}/film.mp4 plays in front of the real scanner: 1 card in 2 s.\n"
    assert str(tmp_path / "out") in first[2]
    assert process.returncode == 130


@pytest.mark.parametrize(
    "how",
    [
        "to the group, as a terminal does",
        *(pytest.param(how, marks=pytest.mark.slow) for how in ("to us", "twice", "SIGTERM", "SIGHUP")),
    ],
)
def test_a_stop_in_the_middle_ends_everything_within_seconds(demo, long_film, tmp_path, how):
    process = started(demo(long_film, "--broker", "mosquitto"), start_new_session=True)
    said = ""
    while not re.search(r"\d\.\ds  match ", said):
        line = process.stdout.readline()
        assert line, process.stderr.read()
        said += line
    assert not gone(tmp_path / "out", port_in(said))
    begun = time.monotonic()
    match how:
        case "to the group, as a terminal does":
            os.killpg(process.pid, signal.SIGINT)
        case "twice":
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
        case "SIGTERM" | "SIGHUP":
            process.send_signal(signal.Signals[how])
        case _:
            process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 10
    assert (process.returncode, err) == (130, "cardscanner: stopped\n")
    assert gone(tmp_path / "out", port_in(said))
    assert not (tmp_path / "out" / "summary.json").exists()


@pytest.mark.parametrize(
    "after_s", [0.9, *(pytest.param(step / 5, marks=pytest.mark.slow) for step in range(20))]
)
def test_a_stop_at_any_moment_leaves_nothing_behind(demo, long_film, tmp_path, after_s):
    process = started(demo(long_film))
    time.sleep(after_s)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode in {130, -signal.SIGINT}  # the latter: Python itself was still starting
    assert err == "cardscanner: stopped\n" or process.returncode == -signal.SIGINT
    end = time.monotonic() + 5
    while processes_of(tmp_path / "out") and time.monotonic() < end:
        time.sleep(0.05)
    assert processes_of(tmp_path / "out") == []


def test_make_passes_the_stop_on(demo, long_film, tmp_path):
    """Make and the demo are in one process group, as in a terminal; make gives up only after the demo has ended."""
    words = " ".join(str(each) for each in demo(long_film))
    (tmp_path / "Makefile").write_text(f"run:\n\t@{sys.executable} -m cardscanner {words}\n")
    process = subprocess.Popen(
        ["make", "-C", tmp_path, "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )  # fmt: skip
    line = ""
    while not line.startswith("broker: "):
        line = process.stdout.readline()
        assert line, process.stderr.read()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2 or process.returncode == -signal.SIGINT
    assert "cardscanner: stopped" in err
    assert "Traceback" not in err
    assert gone(tmp_path / "out", port_in(line))


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (lambda film: (film / "film.mp4").unlink(), 1, "film.mp4: there is no such film; render it with make demo-assets"),
        (lambda film: (film / "truth.json").unlink(), 1, "truth.json: not the truth of a film"),
        (lambda film: (film / "truth.json").write_text("{"), 1, "truth.json: not the truth of a film"),
    ],
)  # fmt: skip
def test_a_film_that_is_not_whole_is_refused_at_once(cardscanner, demo, film, tmp_path, spoil, code, says):
    copy = tmp_path / "copy"
    copy.mkdir()
    for each in film.iterdir():
        (copy / each.name).write_bytes(each.read_bytes())
    spoil(copy)
    said = cardscanner(*demo(copy))
    assert said.code == code
    assert says in said.err
    assert not (tmp_path / "out").exists()


def test_a_film_that_cannot_be_played_ends_the_demo_with_the_daemons_words(cardscanner, demo, film, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "film.mp4").write_text("no film")
    (copy / "truth.json").write_bytes((film / "truth.json").read_bytes())
    said = cardscanner(*demo(copy))
    assert said.code == 1
    assert f"the daemon ended with exit code 1; its log: {tmp_path}/out/daemon.log" in said.err
    assert "film.mp4: not a video that can be read" in said.err
    assert gone(tmp_path / "out", port_in(said.out))


def test_a_place_for_results_that_cannot_be_made_is_told(cardscanner, demo, film, tmp_path):
    (tmp_path / "out").write_text("a file")
    said = cardscanner(*demo(film))
    assert said.code == 1
    assert f"{tmp_path}/out" in said.err
    assert "Traceback" not in said.err
