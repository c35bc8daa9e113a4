"""The real daemon, a real broker, and every command once: what is answered is what has happened."""

import base64
import json
import tarfile
import time
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from brokers import Mosquitto
from commanding import answers_to, ask, ask_privately
from daemons import QUICK, Daemon, mqtt
from listeners import Listener
from small_scanner import small_scanner

from cardscanner.config import OutboxConfig
from cardscanner.publish import Outbox

DEVICE = "small"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One daemon for all tests here; each leaves it as it was."""
    root = tmp_path_factory.mktemp("commands")
    scanner = small_scanner(root / "scanner", shown=(3, 7, 11), lie=6, empty=6)
    broker = Mosquitto(root / "broker").start()
    config = scanner.config(
        camera={"backend": "replay", "path": "frames", "loop": True, "fps": 25},
        decide=QUICK,
        publish=mqtt(broker, image=True, log="warning"),
        corrections={"folder": "corrections", "recent": "recent"},
    )
    with Daemon(config) as daemon, Listener(broker.port) as listener:
        daemon.await_line("ready")
        listener.wait_for(lambda heard: sum(each.topic.endswith("/scan") for each in heard) >= 3, 30)
        yield scanner, daemon, listener
        assert daemon.stop() == 0, daemon.tail()
    broker.stop()


def wait_for_state(listener, wanted):
    listener.wait_for(
        lambda heard: any(wanted(each.json()) for each in heard[-40:] if each.topic.endswith("/state"))
    )


def test_ping_and_status_say_how_it_is(running):
    _, _, listener = running
    ping = ask(listener, DEVICE, "ping")
    assert (ping["status"], ping["data"]["device"]) == ("ok", DEVICE)
    state = ask(listener, DEVICE, "status")["data"]
    assert state["lifecycle"] == "ready"
    assert state["broker"]["connected"]
    assert state["broker"]["commands"]["answered"] >= 1
    assert state["broker"]["answers"]["0"] >= 3


def test_everybody_is_asked_at_once(running):
    _, _, listener = running
    assert ask(listener, "all", "ping")["data"]["device"] == DEVICE


def test_a_response_topic_gets_the_answer_with_its_correlation_data(running):
    _, _, listener = running
    answer = ask_privately(listener, DEVICE, "ping", b"\x00\xffabc")
    assert answer["data"]["device"] == DEVICE
    assert answer["transaction"] is None


def test_scanning_pauses_and_goes_on(running):
    _, _, listener = running
    assert ask(listener, DEVICE, "scanning", on=False)["data"] == {"on": False}
    wait_for_state(listener, lambda state: not state["scanning"])
    time.sleep(0.5)
    before = len(listener.heard("/scan"))
    time.sleep(1.5)
    assert len(listener.heard("/scan")) == before
    assert ask(listener, DEVICE, "scanning", on=True)["data"] == {"on": True}
    listener.wait_for(lambda _: len(listener.heard("/scan")) > before, 20)
    wait_for_state(listener, lambda state: state["scanning"])


def test_a_snapshot_is_a_picture_of_the_asked_size(running):
    _, _, listener = running
    data = ask(listener, DEVICE, "snapshot", max_side_px=200)["data"]
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(data["jpeg"]), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[:2] == (data["height"], data["width"]) == (150, 200)
    assert data["age_ms"] < 60_000


def test_the_newest_match_comes_with_its_picture(running):
    _, _, listener = running
    heard = listener.wait_for(lambda _: bool(listener.heard("/last/image")), 20)
    image = next(each for each in heard if each.topic.endswith("/last/image"))
    assert (image.qos, image.retain, image.content_type) == (0, False, "image/jpeg")
    assert cv2.imdecode(np.frombuffer(image.payload, np.uint8), cv2.IMREAD_COLOR) is not None


def test_delivered_scans_come_again_marked_and_in_order(running):
    _, _, listener = running
    first = [each.json() for each in listener.heard("/scan")][:3]
    seqs = [scan["seq"] for scan in first]
    answer = ask(listener, DEVICE, "replay", epoch=first[0]["epoch"], from_seq=seqs[0], to_seq=seqs[-1])
    data = answer["data"]
    assert (data["count"], data["missing"], data["next_seq"]) == (seqs[-1] - seqs[0] + 1, [], None)

    def again(heard):
        found = [each.json() for each in heard if each.topic.endswith("/scan")]
        return [scan for scan in found if scan["replayed"]]

    heard = listener.wait_for(lambda heard: len(again(heard)) >= 3)
    assert [{**scan, "replayed": False} for scan in again(heard)[:3]] == first


def test_a_replay_says_what_is_missing_and_where_to_go_on(running):
    _, _, listener = running
    refused = ask(listener, DEVICE, "replay", epoch="of-before", from_seq=1)
    assert refused["error"]["code"] == "not_found"
    part = ask(listener, DEVICE, "replay", from_seq=1, max=1)["data"]
    assert (part["count"], part["next_seq"]) == (1, 2)
    beyond = ask(listener, DEVICE, "replay", from_seq=10**9)["data"]
    assert (beyond["count"], beyond["missing"]) == (0, [])


@pytest.mark.parametrize("shape", ["csv", "json"])
def test_an_export_holds_the_scans(running, shape):
    _, _, listener = running
    wanted = [each.json()["id"] for each in listener.heard("/scan")][:3]
    data = ask(listener, DEVICE, "export", format=shape)["data"]
    assert data["count"] >= 3
    assert all(each in data["content"] for each in wanted)
    lines = data["content"].splitlines()
    assert len(lines) == data["count"] + (shape == "csv")
    if shape == "json":
        assert json.loads(lines[0])["device"] == DEVICE


def test_a_setting_is_checked_kept_and_counts_after_a_reload(running):
    scanner, daemon, listener = running
    wrong = ask(listener, DEVICE, "set", options={"decide": {"min_frames": 0}})
    assert wrong["error"]["code"] == "bad_request"
    assert "decide.min_frames" in wrong["error"]["message"]
    for forbidden in ({"publish": {"host": "elsewhere"}}, {"outbox": {"path": "/x"}}, {"decide": 3}):
        assert ask(listener, DEVICE, "set", options=forbidden)["error"]["code"] == "bad_request"
    assert not (scanner.root / "settings.yaml").exists()
    answer = ask(listener, DEVICE, "set", options={"decide": {"top": 2}})
    assert answer["restart_required"]
    assert answer["data"] == {"changed": ["decide.top"], "pending": ["decide.top"]}
    assert yaml.safe_load((scanner.root / "settings.yaml").read_text()) == {"decide": {"top": 2}}
    seen = len(daemon.said("ready"))
    assert ask(listener, DEVICE, "reload")["status"] == "accepted"
    daemon.await_line("ready", count=seen + 1)
    before = len(listener.heard("/scan"))
    heard = listener.wait_for(lambda _: len(listener.heard("/scan")) > before + 1, 30)
    assert len([each for each in heard if each.topic.endswith("/scan")][-1].json()["candidates"]) == 2
    back = ask(listener, DEVICE, "set", options={"decide": {"top": None}})
    assert back["data"]["changed"] == ["decide.top"]
    assert not (scanner.root / "settings.yaml").exists()


def test_the_level_of_the_log_counts_at_once(running):
    _, daemon, listener = running
    answer = ask(listener, DEVICE, "set", options={"log": {"level": "error"}})
    assert (answer["data"]["pending"], answer["data"]["changed"]) == ([], ["log.level"]) or answer["data"][
        "pending"
    ] == ["decide.top"]
    lines = len(daemon.said())
    ask(listener, DEVICE, "ping")
    assert len(daemon.said()) == lines
    ask(listener, DEVICE, "set", options={"log": {"level": None}})


def test_a_correction_is_stored_with_the_picture(running):
    scanner, _, listener = running
    scan = listener.heard("/scan")[-1].json()
    unknown = ask(listener, DEVICE, "correction", event=scan["id"], card_id="no-such-card")
    assert unknown["error"]["code"] == "not_found"
    other = ask(listener, DEVICE, "correction", event="7" + "Z" * 25, card_id="card-003")
    assert other["error"]["code"] == "not_found"
    answer = ask(listener, DEVICE, "correction", event=scan["id"], card_id="card-003")
    assert answer["data"]["card_id"] == "card-003"
    line = json.loads((scanner.root / "corrections" / "corrections.jsonl").read_text().splitlines()[-1])
    assert (line["event"], line["card_id"], line["decision"]) == (scan["id"], "card-003", scan["event_type"])
    assert answer["data"]["picture"] == (line["file"] is not None)


def test_a_backup_holds_a_sound_outbox_and_the_configuration(running, tmp_path):
    scanner, _, listener = running
    data = ask(listener, DEVICE, "backup")["data"]
    assert {"outbox.db", "cardscanner.yaml"} <= set(data["contents"])
    path = Path(data["path"])
    assert path.parent == scanner.root / "backups"
    assert path.stat().st_mode & 0o077 == 0
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, filter="data")
    with closing(Outbox.open(OutboxConfig(path=tmp_path / "outbox.db"))) as copy:
        assert copy.replaced is None
        assert copy.last_seq >= 3
    assert (tmp_path / "cardscanner.yaml").read_text() == (scanner.root / "cardscanner.yaml").read_text()


def test_the_selftest_tries_every_part(running):
    _, _, listener = running
    data = ask(listener, DEVICE, "selftest", timeout_s=30)["data"]
    bad = {part["part"] for part in data["parts"] if not part["ok"]}
    assert bad <= {"clock"}  # a machine without NTP says so
    assert data["passed"] == (not bad)
    assert {part["part"] for part in data["parts"]} > {"config", "files", "camera", "broker", "outbox"}


def test_without_a_source_there_are_no_updates_and_nothing_to_go_back_to(running):
    _, _, listener = running
    error = ask(listener, DEVICE, "update", target="db")["error"]
    assert error["code"] == "not_available"
    assert error["message"].startswith("updates.source is not set")
    error = ask(listener, DEVICE, "rollback", target="db")["error"]
    assert (error["code"], "no version before" in error["message"]) == ("not_found", True)


def test_identifying_a_box_without_a_led_is_said(running):
    _, _, listener = running
    assert ask(listener, DEVICE, "identify")["error"]["code"] == "not_available"


def test_a_restart_is_a_new_process_and_is_carried_out_once(running):
    _, daemon, listener = running
    seen = len(daemon.said("ready"))
    answer = ask(listener, DEVICE, "restart")
    assert answer["status"] == "accepted"
    daemon.await_line("ready", count=seen + 1)
    repeated = json.dumps({"transaction": answer["transaction"]}).encode()
    listener.say(f"cardscanner/{DEVICE}/cmd/restart", repeated)
    assert ask(listener, DEVICE, "ping")["data"]["uptime_s"] < 60
    assert len(answers_to(listener, answer["transaction"])) == 1
    assert len(daemon.said("ready")) == seen + 1
    started = [each.json() for each in listener.heard("/event") if each.json()["event_type"] == "started"]
    assert len(started) >= 2
