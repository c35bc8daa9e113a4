"""Power cut at any write (F13): what was committed is there, nothing is torn, every file opens."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from power_cuts import Call, Disk, build_recorder, read_calls, run_recorded, write_out
from scans import open_outbox

from cardscanner.config import HistoryConfig
from cardscanner.corrections import Corrections
from cardscanner.history import History
from cardscanner.history.catching_up import catch_up

CHILD = Path(__file__).parents[1] / "recorded_child.py"
SCANS = 24


@pytest.fixture(scope="module")
def recorder(tmp_path_factory):
    return build_recorder(tmp_path_factory.mktemp("recorder"))


@pytest.fixture(scope="module")
def recording(recorder, tmp_path_factory) -> tuple[Path, list[Call]]:
    """What scanning wrote, call by call."""
    root = tmp_path_factory.mktemp("recorded")
    folder = root / "box"
    folder.mkdir()
    done = run_recorded(recorder, folder, root / "log", [str(CHILD), str(folder), str(SCANS)])
    assert done.returncode == 0, done.stderr
    calls = read_calls(root / "log")
    kinds = {each.kind for each in calls}
    assert kinds == {"w", "t", "s", "c", "r", "u"} or kinds == {"w", "t", "s", "c", "r"}
    assert len(calls) > 10 * SCANS
    return folder, calls


def look_at(folder: Path, said: list[str]) -> None:
    """Open everything, and hold it against what the process had said before the cut."""
    promised = [line.split(" ") for line in said]
    scans = {int(number): identity for kind, number, identity in promised if kind == "scan"}
    with closing(open_outbox(folder, keep_delivered=4000)) as outbox:
        assert outbox.replaced is None, outbox.damage
        rows = {row.seq: row for row in outbox.held(1, 10_000)}
        assert {seq: rows[seq].id for seq in scans if seq in rows} == scans
        assert all(json.loads(row.payload)["id"] == row.id for row in rows.values())
        assert sorted(rows) == list(range(1, len(rows) + 1))
        with closing(History.open(folder / "history.db", HistoryConfig(), outbox)) as history:
            catch_up(history, outbox)
            kept = {entry.id: entry for entry in history.export_rows(None)}
            assert set(scans.values()) <= set(kept)
            for kind, _, identity in promised:
                assert kind != "undone" or kept[identity].undone
            photos = {history.photo(identity) for identity in kept}
            assert photos <= {None, b"photo" * 800}
    with closing(sqlite3.connect(folder / "history.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert not list(folder.glob("*.damaged-*"))
    _look_at_settings(folder, [int(number) for kind, number, _ in promised if kind == "settings"])
    corrected = {each.event for each in Corrections(folder / "corrections").all()}
    assert {identity for kind, _, identity in promised if kind == "corrected"} <= corrected


def _look_at_settings(folder: Path, promised: list[int]) -> None:
    """Old or new content, whole."""
    path = folder / "settings.yaml"
    if not path.exists():
        assert not promised
        return
    lines = path.read_text(encoding="ascii").splitlines()
    number = int(lines[0].removeprefix("settings "))
    assert lines == [f"settings {number}"] * 300
    assert number >= max(promised, default=0)


def cut_power(recording: tuple[Path, list[Call]], after: Path, moments: int, seed: int) -> None:
    folder, calls = recording
    chance = random.Random(seed)
    chosen = set(chance.sample(range(len(calls)), min(moments, len(calls))))
    disk, said = Disk(), b""
    for number, call in enumerate(calls):
        disk.play(call)
        if call.path.endswith("/said") and call.kind == "w":
            said += call.data
        if number in chosen:
            place = after / str(number)
            place.mkdir(parents=True)
            write_out(disk.cut(chance), folder, place)
            look_at(place, said.decode().splitlines())


def test_a_power_cut_at_any_call_loses_nothing_that_was_committed_and_tears_nothing(recording, tmp_path):
    cut_power(recording, tmp_path, moments=40, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 7))
def test_five_hundred_power_cuts(recording, tmp_path, seed):
    cut_power(recording, tmp_path, moments=100, seed=seed)


def kill_in_call(recorder: Path, root: Path, number: int) -> None:
    folder = root / f"killed-{number}"
    folder.mkdir(parents=True)
    done = run_recorded(
        recorder, folder, root / f"log-{number}", [str(CHILD), str(folder), "12"], kill_at=number
    )
    assert done.returncode in {-9, 0}, done.stderr
    said = folder / "said"
    lines = said.read_text(encoding="ascii").splitlines(keepends=True) if said.exists() else []
    look_at(folder, [line.strip() for line in lines if line.endswith("\n")])


def test_a_kill_in_the_middle_of_a_call_loses_nothing_and_tears_nothing(recorder, tmp_path):
    for number in (3, 47, 111):
        kill_in_call(recorder, tmp_path, number)


@pytest.mark.slow
def test_a_hundred_kills_in_the_middle_of_calls(recorder, tmp_path):
    chance = random.Random(3)
    for number in chance.sample(range(1, 260), 100):
        kill_in_call(recorder, tmp_path, number)
