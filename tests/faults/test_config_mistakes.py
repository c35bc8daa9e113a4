"""Mistakes in the configuration, made by a seed: named by file, line and key; exit 78; nothing is started."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from config_mistakes_made import GoodFile, mistakes

from cardscanner.cli import main
from cardscanner.config import Config
from cardscanner.configfile import load_config

SEED = 27
GOOD = GoodFile(
    {
        "device_id": "box-1",
        "game": "pokemon",
        "camera": {
            "backend": "picamera2", "name": "top", "width": 1920, "height": 1080, "fps": 12.5, "timeout_s": 4,
            "retry_s": 1,
        },
        "finder": {
            "backend": "contours", "effort": "live", "max_cards": 9, "min_confidence": 0.4, "whole_picture": "true",
        },
        "embedder": {"backend": "onnx", "model": "models/one", "threads": 3},
        "index": {"backend": "annoy", "database": "db/one", "search_k": 500},
        "verify": {"enabled": "true", "threshold": 0.2, "print_lead": 0.1, "read_number": "never"},
        "decide": {
            "threshold": 0.3, "print_gap": 0.02, "min_frames": 2, "max_frames": 8, "gone_s": 1.5,
            "report_no_match": "yes", "top": 3,
        },
        "outbox": {"path": "state/outbox.db", "max_bytes": 10_000_000, "max_rows": 1000, "keep_delivered": 50},
        "publish": {
            "backend": "mqtt", "host": "broker.local", "port": 8883, "protocol": '"5"', "username": "box",
            "password_file": "password", "tls": {"ca_file": "ca.pem"}, "keepalive_s": 20, "window": 10,
            "max_per_s": 50, "unheard": "keep", "state_every_s": 15, "commands": "true", "image": "false",
            "log": "warning", "home_assistant": {"discovery": "true", "prefix": "homeassistant"},
        },
        "corrections": {"keep": 100, "folder": "state/corrections"},
        "history": {"path": "state/history.db", "max_bytes": 10_000_000, "photos": "true"},
        "web": {
            "host": "127.0.0.1", "port": 8080, "folder": "state/web",
            "tls": {"cert_file": "cert.pem", "key_file": "key.pem"}, "metrics": "login",
        },
        "log": {"level": "debug", "format": "json"},
    }
)  # fmt: skip
MADE = list(mistakes(GOOD, SEED, each=4))
SETTINGS = {
    "misspelt": ("decide:\n  min_framez: 3\n", 2, "decide.min_framez", "did you mean min_frames?"),
    "out of range": ("# mine\npublish:\n  window: 21\n", 3, "publish.window", "less than or equal to 20"),
    "against the file": (
        "decide:\n  min_frames: 9\n",
        2,
        "decide.min_frames",
        "larger than max_frames (9 > 8)",
    ),
    "no YAML": ("decide:\n\ttop: 3\n", 2, "not valid YAML", "not valid YAML"),
    "empty": ("", 1, "the file must hold", "`key: value` lines"),
    "a list": ("- top\n", 1, "the file must hold", "`key: value` lines"),
    "twice": ("decide:\n  top: 3\n  top: 4\n", 3, "decide.top", "keep one"),
    "of the page": ("web:\n  metrics: all\n", 2, "web.metrics", "'open' or 'login'"),
}


def run(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """``cardscanner run`` in this process, and what it says."""
    code = main(["run", "--config", str(path)])
    said = capsys.readouterr()
    assert said.out == ""
    return code, said.err


def place_good(folder: Path) -> Path:
    path = folder / "box.yaml"
    path.write_bytes(GOOD.content())
    return path


def test_the_file_that_mistakes_are_made_in_is_right_and_has_every_section(tmp_path):
    config = load_config(place_good(tmp_path))
    assert config.web is not None
    sections = {place[0] for place, _ in GOOD.sections}
    assert sections == set(Config.model_fields) - {"device_id", "game"} - {"updates"}


def test_there_are_at_least_fifty_and_no_two_are_the_same():
    assert len({made.content for made in MADE}) >= 50
    assert len(Counter(made.kind for made in MADE)) >= 15


@pytest.mark.parametrize("made", MADE, ids=[f"{n}-{made.kind}-{made.key}" for n, made in enumerate(MADE)])
def test_a_mistake_is_named_and_nothing_is_started(tmp_path, capsys, made):
    path = tmp_path / "box.yaml"
    path.write_bytes(made.content)
    code, said = run(path, capsys)
    assert code == 78, said
    first = [line for line in said.splitlines() if f"{path}, line {made.line}: {made.key}" in line]
    assert first, said
    assert all(word in first[0] for word in made.says), said
    assert len(first[0]) < 1500
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_mistake_in_what_set_wrote_is_named_with_that_file(tmp_path, capsys, name):
    content, line, key, says = SETTINGS[name]
    config = place_good(tmp_path)
    settings = tmp_path / "state" / "settings.yaml"
    settings.parent.mkdir()
    settings.write_text(content)
    code, said = run(config, capsys)
    assert code == 78
    assert f"{settings}, line {line}: {key}" in said
    assert says in said
    assert list(settings.parent.iterdir()) == [settings]


def test_several_mistakes_are_told_at_once(tmp_path, capsys):
    path = tmp_path / "box.yaml"
    leaves = {leaf.place: leaf for leaf in GOOD.leaves}
    text = GOOD.content().decode()
    text = (
        text.replace("fps: 12.5", "fps: -1")
        .replace("window: 10", "window: 99")
        .replace("metrics: login", "metrics: no")
    )
    path.write_text(text)
    code, said = run(path, capsys)
    assert code == 78
    for place in (("camera", "fps"), ("publish", "window"), ("web", "metrics")):
        assert f"line {leaves[place].line}: {'.'.join(place)}: " in said


def remove(path: Path) -> None:
    path.unlink()


def lock(path: Path) -> None:
    path.chmod(0)


def make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def save_as_utf_16(path: Path) -> None:
    path.write_bytes(GOOD.content().decode().encode("utf-16"))


UNREADABLE = [
    (remove, "No such file"),
    (make_a_folder, "Is a directory"),
    (empty, "line 1: the file must hold `key: value` lines"),
    (save_as_utf_16, "line 1: not UTF-8 text"),
    pytest.param(
        lock,
        "Permission denied",
        marks=pytest.mark.skipif(os.getuid() == 0, reason="root may read everything"),
    ),
]


@pytest.mark.parametrize(("spoil", "says"), UNREADABLE)
def test_a_real_process_ends_with_78_and_says_why(tmp_path, spoil, says):
    path = place_good(tmp_path)
    spoil(path)
    done = subprocess.run(
        [sys.executable, "-m", "cardscanner", "run", "--config", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 78
    assert done.stdout == ""
    assert done.stderr.startswith(f"cardscanner: {path}")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
