"""A build that is killed anywhere goes on, and ends with the same bytes as one that was not."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from drawn_cards import write_card, write_cards
from projecting import ProjectingEmbedder
from reference_databases import build_quietly

from cardscanner.errors import ArtifactError
from cardscanner.match import open_database
from cardscanner.match.inspection import verify
from cardscanner.match.progress import Progress

TESTS = Path(__file__).parents[2]
SAME = ("vectors.npy", "index.ann", "cards.sqlite")
PART_CARDS = 4


def _child(*arguments: object) -> list[str]:
    return [sys.executable, str(TESTS / "building_child.py"), *map(str, arguments)]


def _bytes(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in SAME]


def _build(source: Path, out: Path, **options) -> ProjectingEmbedder:
    embedder = options.pop("embedder", None) or ProjectingEmbedder()
    build_quietly(source, out, embedder=embedder, part_cards=PART_CARDS, **options)
    return embedder


@pytest.mark.parametrize("parts", [1, 2])
def test_a_build_killed_while_embedding_goes_on_behind_the_finished_parts(tmp_path, parts):
    source = write_cards(tmp_path / "cards", 12)
    whole = _build(source, tmp_path / "whole")
    child = subprocess.Popen(_child(source, tmp_path / "db", "--pause", "0.3"), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (tmp_path / "db" / ".build" / f"part-{parts - 1:05d}.npz").exists():
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.kill()
    child.wait(10)

    said = io.StringIO()
    resumed = _build(source, tmp_path / "db", progress=Progress(said))
    assert "going on after" in said.getvalue()
    assert resumed.calls < whole.calls
    assert _bytes(tmp_path / "db") == _bytes(tmp_path / "whole")
    assert all(check.ok for check in verify(tmp_path / "db"))


SWITCHES = ["os.rename", "os.rmdir"]
"""The steps that change which files a reader sees."""
EVERY_STEP = [*SWITCHES, "os.remove", "os.mkdir"]
STEPS = [SWITCHES, pytest.param(EVERY_STEP, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]


def _crash_before(steps: list[str], source: Path, out: Path) -> list[Path]:
    """Return the folders that builds left behind which were killed before their 1st, 2nd, ... step."""
    child = subprocess.run(
        _child(source, out, "--crash-before", *steps),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    last = int(child.stdout.split()[-1])
    assert last > 10, "a build takes more steps than this"
    return [out.with_name(f"{out.name}-{step}") for step in range(1, last)]


@pytest.mark.parametrize("steps", STEPS, ids=["switches", "every step"])
def test_a_first_build_killed_before_any_step_leaves_no_half_database_and_can_be_finished(tmp_path, steps):
    source = write_cards(tmp_path / "cards", 6)
    _build(source, tmp_path / "whole")
    left = _crash_before(steps, source, tmp_path / "db")
    for number, folder in enumerate(left):
        if (folder / "manifest.json").exists():
            assert all(check.ok for check in verify(folder))
        else:
            with pytest.raises(ArtifactError, match="missing"):
                open_database(folder)
        if number % 5 == 0:
            _build(source, folder)
            assert _bytes(folder) == _bytes(tmp_path / "whole"), folder
            assert sorted(path.name for path in folder.iterdir()) == sorted([*SAME, "manifest.json"])


@pytest.mark.parametrize("steps", STEPS, ids=["switches", "every step"])
def test_a_rebuild_killed_before_any_step_leaves_the_old_or_the_new_database(tmp_path, steps):
    source = write_cards(tmp_path / "cards", 4)
    _build(source, tmp_path / "db")
    write_card(source / "more.png", 77)
    _build(source, tmp_path / "new")
    seen = set()
    for number, folder in enumerate(_crash_before(steps, source, tmp_path / "db")):
        database = open_database(folder)
        cards = [database.card_of(row).card_id for row in range(database.manifest.rows)]
        assert (len(cards), "more" in cards) in {(4, False), (5, True)}
        seen.add(len(cards))
        database.close()
        assert all(check.ok for check in verify(folder)), folder
        if number % 5 == 0:
            _build(source, folder)
            assert _bytes(folder) == _bytes(tmp_path / "new"), folder
    assert seen == {4, 5}, "both sides of the switch must have been seen"


def _interrupted(tmp_path: Path) -> tuple[Path, Path]:
    """Return a source and a folder in which a build has embedded it and then failed."""
    source = write_cards(tmp_path / "cards", 8)
    (source / "bad.png").write_bytes(b"")
    with pytest.raises(Exception, match="only 8 of 9"):
        _build(source, tmp_path / "db", strict=True)
    return source, tmp_path / "db"


def test_what_was_embedded_before_a_failure_is_not_embedded_again(tmp_path):
    source, out = _interrupted(tmp_path)
    said = io.StringIO()
    _build(source, out, progress=Progress(said))
    assert "going on after 9 of 9 references" in said.getvalue()


@pytest.mark.parametrize("change", ["picture", "order", "more", "model", "space"])
def test_a_changed_source_or_model_starts_anew_and_says_so(tmp_path, change):
    source, out = _interrupted(tmp_path)
    embedder = ProjectingEmbedder()
    if change == "picture":
        write_card(source / "card-003.png", 55)
    elif change == "order":
        (source / "card-003.png").rename(source / "a.png")
    elif change == "more":
        write_card(source / "zz.png", 56)
    elif change == "space":
        embedder = ProjectingEmbedder(space="another")
    else:
        embedder = ProjectingEmbedder(dim=64)
    said = io.StringIO()
    _build(source, out, embedder=embedder, progress=Progress(said))
    assert "starting anew" in said.getvalue()
    assert ("model" if change in {"model", "space"} else "source") in said.getvalue()
    _build(source, tmp_path / "whole", embedder=type(embedder)(embedder.info.dim, embedder.info.space))
    assert _bytes(out) == _bytes(tmp_path / "whole")


def test_a_damaged_part_is_an_artifact_error_that_says_what_to_delete(tmp_path):
    source, out = _interrupted(tmp_path)
    part = out / ".build" / "part-00001.npz"
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    with pytest.raises(ArtifactError, match=r"part-00001\.npz is damaged.*delete"):
        _build(source, out)
    shutil.rmtree(out / ".build")
    _build(source, out)
    assert all(check.ok for check in verify(out))


def test_a_journal_that_cannot_be_read_starts_anew(tmp_path):
    source, out = _interrupted(tmp_path)
    (out / ".build" / "journal.json").write_text("{")
    said = io.StringIO()
    _build(source, out, progress=Progress(said))
    assert "starting anew" in said.getvalue()
    assert all(check.ok for check in verify(out))
