"""What is damaged or does not fit is named at the start, and nothing is started with it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from brokers import Mosquitto
from daemons import Daemon, edit, flip, looping, mqtt
from small_scanner import small_scanner

from cardscanner.files import write_json
from cardscanner.manifest import load_model_manifest, sealed_document


@pytest.fixture
def scanner(tmp_path):
    return small_scanner(tmp_path / "scanner")


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


DAMAGES = {
    "model flipped": (lambda root: flip(root / "model" / "model.onnx"), 65, "model.onnx"),
    "model missing": (lambda root: (root / "model" / "model.onnx").unlink(), 65, "model.onnx"),
    "manifest of the model flipped": (lambda root: flip(root / "model" / "manifest.json"), 65, "manifest"),
    "manifest of the model missing": (
        lambda root: (root / "model" / "manifest.json").unlink(),
        65,
        "manifest.json",
    ),
    "vectors flipped": (lambda root: flip(root / "db" / "vectors.npy"), 65, "vectors.npy"),
    "index flipped": (lambda root: flip(root / "db" / "index.ann"), 65, "index.ann"),
    "cards flipped": (lambda root: flip(root / "db" / "cards.sqlite"), 65, "cards.sqlite"),
    "manifest of the database flipped": (lambda root: flip(root / "db" / "manifest.json"), 65, "manifest"),
    "threshold changed": (
        lambda root: edit(root / "db" / "manifest.json", '"print_gap": ', '"print_gap": 1'),
        65,
        "seal",
    ),
    "another model's space": (
        lambda root: remake(root / "model", space="somebody-elses"),
        65,
        "build the database with this model",
    ),
    "unknown key": (
        lambda root: edit(root / "cardscanner.yaml", "camera:", "cammera: {}\ncamera:"),
        78,
        "line 1: cammera: unknown key; did you mean camera?",
    ),
    "no folder for the outbox": (
        lambda root: edit(root / "cardscanner.yaml", "outbox.db", "cardscanner.yaml/outbox.db"),
        1,
        "the folder",
    ),
    "no frames": (lambda root: shutil.rmtree(root / "frames"), 1, "frames"),
    "folder without pictures": (lambda root: empty(root / "frames"), 1, "frames"),
}


def remake(folder, **values):
    """Write a model's manifest again, in order."""
    write_json(
        folder / "manifest.json", sealed_document(load_model_manifest(folder).model_copy(update=values))
    )


def empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_part_is_named_and_nothing_is_started(scanner, damage):
    change, code, word = DAMAGES[damage]
    config = scanner.config()
    change(scanner.root)
    with Daemon(config) as daemon:
        assert daemon.end() == code, daemon.tail()
    assert daemon.said("ready") == []
    last_words = daemon.tail().strip().split("cardscanner: ")[-1]
    assert word in last_words


def check_beside_a_daemon(config):
    """Return what ``cardscanner check`` says of each part."""
    done = subprocess.run(
        [sys.executable, "-m", "cardscanner", "check", "--json", "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.stdout, done.stderr
    return {line["part"]: line for line in json.loads(done.stdout)}


def test_check_says_that_a_running_scanner_has_the_outbox_and_does_not_disturb_it(scanner, broker):
    config = scanner.config(camera=looping(), publish=mqtt(broker))
    with Daemon(config) as daemon:
        daemon.await_line("ready")
        said = check_beside_a_daemon(config)
        assert said["outbox"]["ok"]
        assert "the scanner is running" in said["outbox"]["detail"]
        assert all(said[part]["ok"] for part in ("config", "camera", "model", "database", "broker"))
        assert daemon.stop() == 0, daemon.tail()
    assert len(daemon.said("connected")) == 1
    assert f"{scanner.outbox}: 0 scans wait" in check_beside_a_daemon(config)["outbox"]["detail"]


def test_check_leaves_a_live_camera_to_the_running_scanner(scanner):
    camera = {"backend": "opencv", "device": "/dev/video97", "timeout_s": 1, "retry_s": 0.3}
    config = scanner.config(camera=camera)
    assert not check_beside_a_daemon(config)["camera"]["ok"]
    with Daemon(config) as daemon:
        daemon.await_line("ready")
        said = check_beside_a_daemon(config)["camera"]
        assert daemon.stop() == 0
    assert said["ok"]
    assert "its state topic says how it is" in said["detail"]
