"""F24: an update is killed at every single change of the file system; the box has its old version or the new one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from releasing import Box, workshop_and_scanner

from cardscanner.match import open_database
from cardscanner.update.settling import settle
from cardscanner.update.state import UNFINISHED, load_state

CHILD = Path(__file__).parents[1] / "updating_child.py"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A box with version 1.0, and 1.1 at its source: some files travel, one as a patch, one is here already."""
    root = tmp_path_factory.mktemp("killed")
    shop = workshop_and_scanner(root)
    shop.database("1.0")
    shop.index()
    box = Box(root / "box", shop)
    box.put()
    shop.database("1.1")
    shop.index()
    return box


@pytest.fixture(scope="module")
def child():
    """The process that installs in forks of itself."""
    process = subprocess.Popen(
        [sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.stdin.close()
    process.stdout.close()
    process.wait(10)


def killed_at(child, count, box):
    """Install; return whether the child was killed before it was done."""
    child.stdin.write(f"{count} {box.path}\n")
    child.stdin.flush()
    status = int(child.stdout.readline())
    assert status in {0, -9}
    return status == -9


@pytest.mark.parametrize("every", [pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(900)]), 5])
def test_whenever_an_update_is_killed_old_or_new_is_in_use(prepared, child, tmp_path, every):
    seen = set()
    count, killed = every, True
    while killed:
        root = tmp_path / str(count)
        shutil.copytree(prepared.scanner.root, root, symlinks=True)
        box = Box.__new__(Box)
        box.scanner, box.path = type(prepared.scanner)(root), root / prepared.path.name
        killed = killed_at(child, count, box)
        before = load_state(box.releases).change.step
        change = settle(box.releases, starting=True).change
        version = box.in_use()  # checks every file of it
        assert version == ("1.1" if change.step == "trial" else "1.0")
        open_database(box.releases.current("database")).close()
        assert change.step not in UNFINISHED
        seen.add((before, change.step))
        if change.step != "trial":  # nothing is in the way of the next attempt
            assert not killed_at(child, 10**9, box)
            assert box.in_use() == "1.1"
        shutil.rmtree(root)
        count += every
    assert ("trial", "trial") in seen
    assert {before for before, _ in seen} >= (
        {"downloading", "verified", "tested", "switching"} if every == 1 else set()
    )
