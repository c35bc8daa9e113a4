"""A change or a merge that is killed with SIGKILL before any step on the disk, or that the disk refuses."""

from __future__ import annotations

import io
import resource
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from drawn_cards import write_cards
from reference_databases import build_quietly

from cardscanner.match import open_database
from cardscanner.match.inspection import verify
from cardscanner.match.merge import merge_database
from cardscanner.match.progress import Progress

TESTS = Path(__file__).parents[1]
EVERY_STEP = ["os.rename", "os.rmdir", "os.remove", "os.mkdir"]
OLD = {f"card-{number:03d}" for number in range(12)}
NEW = {"card-050", "card-051"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    build_quietly(write_cards(folder / "cards", 12), folder / "db", second_looks=True)
    return folder / "db"


@pytest.fixture
def db(built, tmp_path):
    return shutil.copytree(built, tmp_path / "db")


def child(*arguments, **options):
    return subprocess.run(
        [sys.executable, str(TESTS / "building_child.py"), *map(str, arguments)],
        capture_output=True, text=True, timeout=300, check=False, **options,
    )  # fmt: skip


def crash_everywhere(act, source, db):
    """The folders that are left behind by changes killed before their 1st, 2nd, ... step."""
    done = child(source, db, "--act", act, "--crash-before", *EVERY_STEP)
    assert done.returncode == 0, done.stderr[-2000:]
    last = int(done.stdout.split()[-1])
    assert last > 4, "a change takes more steps than this"
    return [db.with_name(f"{db.name}-{step}") for step in range(1, last)]


def cards(db):
    with closing(open_database(db)) as database:
        return {each.card.card_id for each in database.stored_cards()}


def sound(db):
    return all(each.ok for each in verify(db))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("act", "after"), [("add", OLD | NEW), ("remove", OLD - {"card-003", "card-004"})])
def test_a_change_killed_before_any_step_is_done_or_not_and_can_be_finished(db, tmp_path, act, after):
    source = write_cards(tmp_path / "what", 2, first=50 if act == "add" else 3)
    seen = []
    for folder in crash_everywhere(act, source, db):
        seen.append(cards(folder))
        assert seen[-1] in (OLD, after), folder
        assert sound(folder), folder
    assert OLD in seen
    assert after in seen, "both sides of the switch must have been seen"
    half = next(each for each, found in zip(crash_places(db), seen, strict=False) if found == OLD)
    assert child(source, half, "--act", act).returncode == 0
    assert cards(half) == after
    assert sound(half)


def crash_places(db):
    return [db.with_name(f"{db.name}-{step}") for step in range(1, 100)]


@pytest.mark.timeout(300)
def test_a_merge_killed_before_any_step_leaves_every_card_and_can_be_finished(db, tmp_path):
    source = write_cards(tmp_path / "what", 2, first=50)
    assert child(source, db, "--act", "add").returncode == 0
    whole = shutil.copytree(db, tmp_path / "whole")
    merge_database(whole, Progress(io.StringIO()))
    layered = set()
    for number, folder in enumerate(crash_everywhere("merge", source, db)):
        assert cards(folder) == OLD | NEW, folder
        assert sound(folder), folder
        with closing(open_database(folder)) as database:
            layered.add(database.manifest.delta is not None)
        if number % 4 == 0:
            assert child(source, folder, "--act", "merge").returncode == 0
            names = sorted(each.name for each in folder.iterdir())
            assert names == sorted(each.name for each in whole.iterdir())
            for name in ("vectors.npy", "index.ann", "cards.sqlite", "pictures.bin"):
                assert (folder / name).read_bytes() == (whole / name).read_bytes()
    assert layered == {True, False}


@pytest.mark.parametrize(
    ("act", "limit"), [("add", 400), ("add", 3_000), ("merge", 3_000), ("merge", 22_000)]
)
def test_a_disk_that_takes_no_more_is_a_clear_error_and_the_old_cards_stay(db, tmp_path, act, limit):
    source = write_cards(tmp_path / "what", 2, first=50)
    before = OLD
    if act == "merge":
        assert child(source, db, "--act", "add").returncode == 0
        before = OLD | NEW
    refused = child(
        source, db, "--act", act,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert refused.returncode == 65, refused.stderr[-2000:]
    assert "cannot be written" in refused.stdout
    assert cards(db) == before
    assert sound(db)
    assert child(source, db, "--act", act).returncode == 0
    assert cards(db) == OLD | NEW
