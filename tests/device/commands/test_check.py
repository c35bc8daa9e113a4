"""``cardscanner check``: one line for each part; what fails says what to do, and the others are tried all the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import closing

import pytest
from brokers import Mosquitto, free_port
from fake_hefs import hailo_thumbnail_model
from thumbnails import thumbnail_model

from cardscanner.config import OutboxConfig
from cardscanner.publish import Outbox
from cardscanner.publish.clock import clock_synced

PARTS = ["config", "camera", "model", "database", "broker", "outbox", "disk", "clock"]


@pytest.fixture
def check(cardscanner):
    """Check a configuration; return the exit code and the lines by part."""

    def call(config):
        said = cardscanner("check", "--config", config, "--json")
        assert "Traceback" not in said.err  # OpenCV may grumble there about a device that it cannot open
        (lines,) = said.lines()
        assert all(list(line) == ["part", "ok", "detail"] for line in lines)
        return said.code, {line["part"]: line for line in lines}

    return call


@pytest.fixture
def broker(tmp_path):
    running = Mosquitto(tmp_path / "broker", passwords={"box": "right"}).start()
    yield running
    running.stop()


def mqtt(port, **more):
    return {"backend": "mqtt", "host": "127.0.0.1", "port": port, **more}


def failed(lines):
    """Parts that are not well; whether the clock is set is this machine's own affair."""
    return [part for part, line in lines.items() if not line["ok"] and part != "clock"]


def test_when_all_is_well_every_part_has_a_line_that_says_what_it_is(check, scanner, broker, tmp_path):
    (tmp_path / "password").write_text("right\n")
    publish = mqtt(broker.port, username="box", password_file=str(tmp_path / "password"))
    code, lines = check(scanner.config(publish=publish))
    assert list(lines) == PARTS
    assert failed(lines) == []
    assert lines["clock"]["ok"] == clock_synced()
    assert code == (0 if clock_synced() else 1)
    for part, says in {
        "config": "is valid, device small",
        "camera": "replay replay: 640 x 480 after ",
        "model": "thumbnail 16 (onnx): 224 x 224 -> 768, space thumbnail-16",
        "database": "14 cards, searched by annoy",
        "broker": f"127.0.0.1:{broker.port} accepts us, MQTT 5",
        "outbox": "outbox.db: 0 scans wait",
        "disk": "GiB free",
    }.items():
        assert says in lines[part]["detail"]


def test_a_person_reads_the_same_as_one_line_for_each_part(cardscanner, scanner):
    said = cardscanner("check", "--config", scanner.config())
    assert said.err == ""
    words = [line.split() for line in said.out.splitlines()]
    assert [line[1] for line in words] == PARTS
    assert {line[0] for line in words[:-1]} == {"ok"}
    assert words[-1][0] == ("ok" if clock_synced() else "FAIL")
    assert "none: events go to stdout" in said.out


ELSEWHERE = {
    "camera": {"backend": "picamera2"},
    "embedder": {"backend": "hailo", "model": "/of/another/box"},
    "index": {"database": "/of/another/box"},
    "publish": {"backend": "mqtt", "host": "broker.invalid"},
}


def test_only_the_configuration_is_read_and_no_part_is_tried(cardscanner, scanner):
    config = scanner.config(**ELSEWHERE, outbox={"path": "elsewhere/outbox.db"})
    said = cardscanner("check", "--only-config", "--config", config)
    assert (said.code, said.err) == (0, "")
    assert said.out.split() == ["ok", "config", *f"{config} is valid, device small".split()]
    assert not (config.parent / "elsewhere").exists()
    ((line,),) = cardscanner("check", "--only-config", "--json", "--config", config).lines()
    assert (line["part"], line["ok"]) == ("config", True)


def test_a_mistake_in_a_configuration_that_is_only_read_has_the_exit_code_of_one(cardscanner, scanner):
    config = scanner.config(**{**ELSEWHERE, "camera": {"backend": "picamera2", "colour": "blue"}})
    said = cardscanner("check", "--only-config", "--config", config)
    assert said.code == 78
    assert said.out.startswith("FAIL")
    assert "colour" in said.out


def test_a_clock_that_is_not_set_says_how_to_set_it(check, scanner):
    _, lines = check(scanner.config())
    if not clock_synced():
        assert "timedatectl set-ntp true" in lines["clock"]["detail"]


@pytest.mark.parametrize(
    ("camera", "says"),
    [
        ({"backend": "replay", "path": "nothing"}, "nothing: there is no such file or folder"),
        ({"backend": "opencv", "device": "/dev/video99", "timeout_s": 1}, "/dev/video99"),
    ],
)
def test_a_camera_that_is_missing_fails_alone(check, scanner, camera, says):
    code, lines = check(scanner.config(camera=camera))
    assert code == 1
    assert failed(lines) == ["camera"]
    assert says in lines["camera"]["detail"]
    assert list(lines) == PARTS


def test_a_model_file_with_another_hash_is_named_with_the_way_back(check, scanner, tmp_path):
    model = shutil.copytree(scanner.model, tmp_path / "model")
    with (model / "model.onnx").open("r+b") as file:
        file.write(b"\xff")
    code, lines = check(scanner.config(embedder={"backend": "onnx", "model": str(model)}))
    assert code == 1
    assert failed(lines) == ["model"]
    assert f"{model}/model.onnx does not have the SHA-256 of its manifest" in lines["model"]["detail"]
    assert "restore it" in lines["model"]["detail"]


def test_a_database_of_another_model_is_named_with_the_command_that_mends_it(check, scanner, tmp_path):
    other = thumbnail_model(tmp_path / "other", side=8)
    code, lines = check(scanner.config(embedder={"backend": "onnx", "model": str(other), "threads": 1}))
    assert code == 1
    assert failed(lines) == ["database"]
    assert "cardscanner db build" in lines["database"]["detail"]


@pytest.mark.parametrize("name", ["manifest.json", "vectors.npy", "index.ann", "cards.sqlite"])
def test_a_damaged_database_file_is_named(check, scanner, tmp_path, name):
    database = shutil.copytree(scanner.database, tmp_path / "db")
    data = bytearray((database / name).read_bytes())
    data[len(data) // 2] ^= 1
    (database / name).write_bytes(data)
    code, lines = check(scanner.config(index={"database": str(database)}))
    assert code == 1
    assert failed(lines) == ["database"]
    assert str(database / name) in lines["database"]["detail"]


def test_a_broker_that_is_not_there_is_told(check, scanner):
    port = free_port()
    code, lines = check(scanner.config(publish=mqtt(port)))
    assert code == 1
    assert failed(lines) == ["broker"]
    assert f"127.0.0.1:{port}" in lines["broker"]["detail"]


def test_a_broker_that_refuses_us_is_told_with_what_to_correct(check, scanner, broker, tmp_path):
    (tmp_path / "password").write_text("wrong\n")
    publish = mqtt(broker.port, username="box", password_file=str(tmp_path / "password"))
    code, lines = check(scanner.config(publish=publish))
    assert code == 1
    assert failed(lines) == ["broker"]
    assert "password" in lines["broker"]["detail"]
    assert "wrong" not in lines["broker"]["detail"]


def test_a_password_file_that_is_missing_is_told(check, scanner, broker, tmp_path):
    publish = mqtt(broker.port, username="box", password_file=str(tmp_path / "none"))
    code, lines = check(scanner.config(publish=publish))
    assert (code, failed(lines)) == (1, ["broker"])
    assert f"{tmp_path}/none" in lines["broker"]["detail"]


def test_a_place_without_room_fails_as_disk_and_as_outbox(check, scanner):
    """/proc has no room and takes no files, on every Linux."""
    code, lines = check(scanner.config(outbox={"path": "/proc/nothing/outbox.db"}))
    assert code == 1
    assert failed(lines) == ["outbox", "disk"]
    assert "only 0 MiB free beside /proc/nothing/outbox.db: make room" in lines["disk"]["detail"]
    assert "/proc/nothing" in lines["outbox"]["detail"]


def test_scans_that_wait_in_the_outbox_are_counted(check, scanner, tmp_path):
    with closing(Outbox.open(OutboxConfig(path=tmp_path / "outbox.db"))) as outbox:
        for _ in range(3):
            outbox.put("topic", lambda stamp: b"{}")
    _, lines = check(scanner.config(outbox={"path": str(tmp_path / "outbox.db")}))
    assert "3 scans wait" in lines["outbox"]["detail"]


def test_without_the_chips_software_chip_and_model_fail_with_the_command_to_run(scanner, tmp_path):
    """In a process that has no double of hailo_platform, nor the real one."""
    model = hailo_thumbnail_model(tmp_path / "model")
    config = scanner.config(embedder={"backend": "hailo", "model": str(model)})
    done = subprocess.run(
        [sys.executable, "-m", "cardscanner", "check", "--config", config, "--json"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    lines = {line["part"]: line for line in json.loads(done.stdout)}
    assert list(lines) == [PARTS[0], PARTS[1], "npu", *PARTS[2:]]
    assert failed(lines)[:2] == ["npu", "model"]
    for part in ("npu", "model"):
        assert "HailoRT's Python package is not installed" in lines[part]["detail"]
        assert "run `sudo apt install hailo-all`" in lines[part]["detail"]


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "box.yaml: cannot be read: No such file or directory"),
        ("cammera: {}\n", "line 1: cammera: unknown key; did you mean camera?"),
        ("camera: [\n", "line 2: not valid YAML"),
        ("", "line 1: the file must hold `key: value` lines"),
        ("camera: {backend: webcam}\n", "'webcam' is unknown; allowed: 'picamera2', 'opencv', 'replay'"),
    ],
)
def test_a_mistake_in_the_configuration_ends_check_and_run_with_78(
    cardscanner, tmp_path, command, text, says
):
    path = tmp_path / "box.yaml"
    if text is not None:
        path.write_text(text)
    said = cardscanner(command, "--config", path)
    assert said.code == 78
    assert says in said.out + said.err
    assert str(path) in said.out + said.err


def test_every_mistake_in_the_configuration_is_told_at_once_and_nothing_else_is_tried(
    cardscanner, check, tmp_path
):
    path = tmp_path / "box.yaml"
    path.write_text("cammera: {}\nlog: {level: loud}\n")
    code, lines = check(path)
    assert (code, list(lines)) == (78, ["config"])
    detail = lines["config"]["detail"]
    assert [key in detail for key in ("cammera", "log.level", "embedder", "publish")] == [True] * 4
    shown = cardscanner("check", "--config", path).out.splitlines()
    assert shown[0].startswith(f"FAIL  config    {path}, line 1: ")
    assert len(shown) > 3
    assert all(line.startswith(" " * 16) for line in shown[1:])


def test_the_configuration_can_be_named_by_the_environment(cardscanner, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CARDSCANNER_CONFIG", "~/box.yaml")
    said = cardscanner("check")
    assert said.code == 78
    assert f"{tmp_path}/box.yaml: cannot be read" in said.out


def test_without_a_configuration_the_usual_place_is_named(cardscanner, monkeypatch):
    monkeypatch.setenv("CARDSCANNER_CONFIG", "")
    assert "(default: $CARDSCANNER_CONFIG, or /etc/cardscanner/cardscanner.yaml)" in " ".join(
        cardscanner("run", "--help").out.split()
    )


def test_beside_a_running_scanner_what_it_holds_is_left_alone_and_the_rest_is_tried(check, scanner):
    camera = {"backend": "replay", "path": "frames", "loop": True}
    config = scanner.config(camera=camera, outbox={"path": "beside.db"})
    process = subprocess.Popen(
        [sys.executable, "-m", "cardscanner", "run", "--config", config], stdout=subprocess.PIPE, text=True
    )
    try:
        while '"event": "ready"' not in (line := process.stdout.readline()):
            assert line, "the scanner ended"
        _, lines = check(config)
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert failed(lines) == []
    assert lines["outbox"]["detail"].startswith("not tried: the scanner is running")
    assert "640 x 480" in lines["camera"]["detail"]
    assert process.returncode == 0
