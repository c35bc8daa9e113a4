"""The real daemon plays the demo's film: a scan appears on the page while it happens."""

from __future__ import annotations

import io
import json
import time
import zipfile

import httpx
import pytest
import yaml
from brokers import free_port
from daemons import Daemon
from pages import PASSWORD, read_events, read_parts

from cardscanner.shipped import shipped_database, shipped_folder, shipped_model


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    root, port = tmp_path_factory.mktemp("daemon"), free_port()
    film = {"backend": "replay", "path": str(shipped_folder("demo") / "film.mp4"), "loop": True}
    path = root / "cardscanner.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "device_id": "small",
                "camera": film,
                "embedder": {"backend": "onnx", "model": str(shipped_model()), "threads": 1},
                "index": {"database": str(shipped_database())},
                "outbox": {"path": "outbox.db"},
                "corrections": {"folder": "corrections"},
                "publish": {"backend": "stdout"},
                "log": {"format": "json"},
                "web": {"host": "127.0.0.1", "port": port},
            }
        )
    )
    with Daemon(path) as running:
        running.await_line("the page is served")
        running.url = f"http://127.0.0.1:{port}"
        yield running


@pytest.fixture(scope="module")
def ada(daemon):
    code = next(str(line["code"]) for line in daemon.said() if "code" in line)
    with httpx.Client(base_url=daemon.url, timeout=30) as client:
        answer = client.post("/api/claim", json={"code": code, "name": "ada", "password": PASSWORD})
        assert answer.is_success, answer.text
        client.headers.update({"X-CSRF-Token": answer.json()["csrf"], "Content-Type": "application/json"})
        yield client


def test_a_scan_appears_as_an_event_with_its_photo_and_its_cards_picture(daemon, ada):
    with ada.stream("GET", "/api/stream", timeout=60) as response:
        scan = next(data for name, data in read_events(response) if name == "scan" and data["card"])
    stored = ada.get(f"/api/scans/{scan['id']}").json()
    assert stored["card"] == scan["card"]
    assert ada.get(f"/api/scans/{scan['id']}/photo.jpg").headers["content-type"] == "image/jpeg"
    picture = ada.get(f"/api/cards/{scan['card']['card_id']}/picture.jpg")
    assert picture.headers["content-type"] == "image/jpeg"
    assert ada.post(f"/api/scans/{scan['id']}/undo", json={}).json()["undone"] is True


def test_the_live_view_runs_on_while_scanning_is_paused(daemon, ada):
    assert ada.post("/api/scanning", json={"on": False}).is_success
    with ada.stream("GET", "/live.mjpeg") as response:
        parts = read_parts(response)
        assert all(next(parts).startswith(b"\xff\xd8") for _ in range(5))
    assert ada.post("/api/scanning", json={"on": True}).is_success


def test_a_bug_report_of_the_running_daemon_is_whole(daemon, ada):
    end_s = time.monotonic() + 60
    while True:
        packed = zipfile.ZipFile(io.BytesIO(ada.post("/api/bug", json={}).content))
        found = json.loads(packed.read("candidates.json"))
        if found.get("cards"):
            break
        assert time.monotonic() < end_s, found
    assert {"frame.png", "crop-1.png", "embedding-1.npy", "versions.json", "log.jsonl"} <= set(
        packed.namelist()
    )
    lines = [json.loads(line) for line in packed.read("log.jsonl").decode().splitlines()]
    assert any(line["event"] == "camera delivers frames" for line in lines)
    code = next(str(line["code"]) for line in daemon.said() if "code" in line)
    assert code not in packed.read("log.jsonl").decode()


def test_the_daemon_ends_in_time_though_pages_are_open(daemon, ada):
    with ada.stream("GET", "/api/stream") as events, ada.stream("GET", "/live.mjpeg") as live:
        next(read_events(events))
        next(read_parts(live))
        began_s = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began_s < 20
