"""Commands without a daemon around them: what they do to files, and what they refuse."""

import base64
import json
import tarfile
from dataclasses import replace
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
from commanding import PREFIX
from control_rooms import Bench
from scans import FACTS, scan_event, store
from small_scanner import small_scanner

from cardscanner.configfile import load_config, settings_path
from cardscanner.control.backup import KEEP
from cardscanner.errors import ConfigError
from cardscanner.publish.messages import Message
from cardscanner.publish.scan import store_scan
from cardscanner.records import Frame

NUMBERS = count(1)


@pytest.fixture
def bench(tmp_path):
    scanner = small_scanner(tmp_path / "scanner")
    bench = Bench(scanner.config(corrections={"folder": "corrections"}))
    yield bench
    bench.close()


def ask(bench, command, **arguments):
    payload = json.dumps({"transaction": f"t-{next(NUMBERS)}", **arguments}).encode()
    bench.reception.hear(Message(f"cardscanner/small/cmd/{command}", payload, response_topic=f"{PREFIX}me"))
    bench.work()
    return json.loads(bench.reception.replies()[0].payload)


def deliver(bench, scans):
    facts = replace(FACTS, device_id="small")
    stamps = [store_scan(bench.outbox, scan_event(number), facts) for number in range(scans)]
    for row in bench.outbox.pending(0, 100_000):
        bench.outbox.delivered(row)
    return stamps


def test_the_selftest_says_what_to_do_about_an_accelerator_that_is_away(bench):
    bench.room.vitals.enter("npu_mismatch", "driver and library differ: apt install --reinstall hailo-all")
    parts = {each["part"]: each for each in ask(bench, "selftest")["data"]["parts"]}
    assert not parts["npu"]["ok"]
    assert "apt install --reinstall hailo-all" in parts["npu"]["detail"]


def test_settings_lie_over_the_file_and_survive_it(bench):
    answer = ask(bench, "set", options={"decide": {"top": 3, "min_frames": 1}, "log": {"level": "error"}})
    assert answer["data"]["changed"] == ["decide.min_frames", "decide.top", "log.level"]
    assert answer["data"]["pending"] == ["decide.min_frames", "decide.top"]
    config = load_config(bench.room.config_path)
    assert (config.decide.top, config.decide.min_frames, config.decide.max_frames) == (3, 1, 4)
    again = ask(bench, "set", options={"decide": {"top": None}, "log": {"level": "info"}})
    assert again["data"]["changed"] == ["decide.top", "log.level"]
    assert load_config(bench.room.config_path).decide.min_frames == 1


def test_settings_that_do_not_fit_together_are_refused_and_nothing_is_written(bench):
    answer = ask(bench, "set", options={"decide": {"min_frames": 9}})
    assert answer["error"]["code"] == "bad_request"
    assert "must not be larger than max_frames" in answer["error"]["message"]
    assert not settings_path(bench.room.config).exists()


@pytest.mark.parametrize(
    "options",
    [
        {"publish": {"password_file": "/etc/shadow"}},
        {"publish": {"response_prefix": "cardscanner/"}},
        {"corrections": {"folder": "/etc"}},
        {"embedder": {"model": "/tmp/x"}},
        {"camera": {"backend": "replay"}},
        {"device_id": "x"},
        {"decide": []},
        {"decide": {"top": [1, 2]}},
        {"decide": {"top": {"a": 1}}},
    ],
)
def test_nothing_that_names_files_hosts_or_rights_can_be_set(bench, options):
    assert ask(bench, "set", options=options)["error"]["code"] == "bad_request"
    assert not settings_path(bench.room.config).exists()


def test_a_mistake_in_the_settings_file_is_named_with_its_line(bench):
    path = settings_path(bench.room.config)
    path.write_text("decide:\n  top: 3\n  min_frames: 0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"settings\.yaml, line 3: decide\.min_frames: .*greater"):
        load_config(bench.room.config_path)


def test_a_reload_of_a_configuration_with_a_mistake_is_refused(bench):
    bench.room.config_path.write_text("device_id: [\n", encoding="utf-8")
    answer = ask(bench, "reload")
    assert (answer["status"], answer["error"]["code"]) == ("error", "failed")
    assert not bench.wishes.reload


def test_a_replay_names_its_gaps_what_waits_and_where_to_go_on(tmp_path):
    scanner = small_scanner(tmp_path / "scanner")
    bench = Bench(scanner.config(outbox={"path": "outbox.db", "keep_delivered": 10}))
    deliver(bench, 30)
    bench.outbox.forget_delivered(now=True)
    store(bench.outbox, 3)
    data = ask(bench, "replay", from_seq=5, max=4)["data"]
    assert (data["count"], data["next_seq"], data["waiting"]) == (4, 25, 0)
    assert data["missing"] == [{"from_seq": 5, "to_seq": 20}]
    rest = ask(bench, "replay", from_seq=25)["data"]
    assert (rest["count"], rest["waiting"], rest["missing"]) == (6, 3, [])
    sent = []
    while (letter := bench.room.replays.next()) is not None:
        sent.append(json.loads(letter.payload))
    assert [each["seq"] for each in sent] == [*range(21, 25), *range(25, 31)]
    assert all(each["replayed"] for each in sent)
    bench.close()


def test_too_many_replays_at_once_are_refused(bench):
    deliver(bench, 3)
    codes = [ask(bench, "replay", from_seq=1).get("error") for _ in range(6)]
    assert [code and code["code"] for code in codes] == [None] * 4 + ["busy"] * 2


def test_a_long_export_comes_in_parts_that_fit_together(bench):
    deliver(bench, 300)
    parts, from_seq = [], 1
    while from_seq is not None:
        data = ask(bench, "export", format="json", from_seq=from_seq)["data"]
        assert len(data["content"].encode()) <= 64_000
        parts += [json.loads(line)["seq"] for line in data["content"].splitlines()]
        from_seq = data["next_seq"]
    assert parts == list(range(1, 301))


def test_old_backups_go_and_an_unpacked_one_has_everything(bench, tmp_path):
    ask(bench, "set", options={"decide": {"top": 3}})
    for _ in range(KEEP + 2):
        answer = ask(bench, "backup")
    packed = list((bench.room.config.outbox.path.parent / "backups").iterdir())
    assert len(packed) == KEEP
    with tarfile.open(answer["data"]["path"]) as archive:
        assert archive.getnames() == ["outbox.db", "cardscanner.yaml", "settings.yaml"]


def test_the_newest_backups_stay_though_the_clock_went_back(bench):
    folder = bench.room.config.outbox.path.parent / "backups"
    folder.mkdir()
    for year in range(2036, 2036 + KEEP):  # the clock was ten years ahead; and older names had no number
        (folder / f"cardscanner-small-{year}0101T000000000000Z.tar.gz").touch()
    made = [Path(ask(bench, "backup")["data"]["path"]).name for _ in range(2)]
    assert len(list(folder.iterdir())) == KEEP
    assert [name for name in made if (folder / name).is_file()] == made
    ahead = folder / "cardscanner-small-000009-20990101T000000Z.tar.gz"
    ahead.touch()
    newest = Path(ask(bench, "backup")["data"]["path"])
    assert "-000010-" in newest.name
    assert {ahead, newest} <= set(folder.iterdir())


def test_identify_blinks_and_gives_the_led_back(bench, tmp_path):
    led = tmp_path / "ACT"
    led.mkdir()
    (led / "trigger").write_text("none [mmc0] timer", encoding="ascii")
    (led / "brightness").write_text("9", encoding="ascii")
    bench.room.led = led
    assert ask(bench, "identify", seconds=1)["data"] == {"led": "ACT", "seconds": 1}
    assert (led / "trigger").read_text() == "mmc0"
    assert (led / "brightness").read_text() in {"0", "1"}


def test_a_snapshot_of_noise_is_made_to_fit(bench):
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1500, 3), np.uint8)
    bench.room.slot.put(Frame(noise, 1, 0, "top"))
    data = ask(bench, "snapshot", max_side_px=300)["data"]
    assert (data["width"], data["height"], data["camera"]) == (300, 200, "top")
    assert len(data["jpeg"]) < 100_000
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(data["jpeg"]), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (200, 300, 3)


def test_slow_commands_wait_in_line_and_too_many_are_refused(bench):
    for number in range(12):
        payload = json.dumps({"transaction": f"b-{number}"}).encode()
        bench.reception.hear(Message("cardscanner/small/cmd/selftest", payload))
    busy = [json.loads(letter.payload) for letter in bench.reception.replies()]
    assert [answer["error"]["code"] for answer in busy] == ["busy"] * 4


def test_a_command_whose_time_is_over_when_its_turn_comes_is_not_carried_out(bench):
    bench.reception.hear(Message("cardscanner/small/cmd/backup", b'{"transaction": "x"}', expiry_s=5))
    bench.clock.now_s += 6
    bench.work()
    (answer,) = [json.loads(letter.payload) for letter in bench.reception.replies()]
    assert (answer["transaction"], answer["error"]["code"]) == ("x", "expired")
    assert not (bench.room.config.outbox.path.parent / "backups").exists()
