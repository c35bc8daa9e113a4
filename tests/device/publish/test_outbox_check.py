"""Asking whether another process has the outbox, without touching it."""

import subprocess
import sys
from pathlib import Path

import pytest
from scans import open_outbox, store

from cardscanner.errors import OutboxBusy
from cardscanner.publish.outbox_check import is_in_use

TESTS = Path(__file__).parents[2]


def ask_elsewhere(path):
    """Ask in another process: locks are between processes."""
    script = (
        "import sys; from pathlib import Path; from cardscanner.publish.outbox_check import is_in_use;"
        "print(is_in_use(Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip() == "True"


def test_an_outbox_that_a_process_has_open_is_in_use_and_goes_on_working(tmp_path):
    outbox = open_outbox(tmp_path)
    assert ask_elsewhere(tmp_path / "outbox.db")
    store(outbox, 3)
    assert ask_elsewhere(tmp_path / "outbox.db")
    assert store(outbox, 1)[0].seq == 4
    outbox.close()
    assert not ask_elsewhere(tmp_path / "outbox.db")


def test_opening_an_outbox_that_is_in_use_says_so_in_its_own_class(tmp_path):
    outbox = open_outbox(tmp_path)
    script = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r}); from pathlib import Path;"
        "from cardscanner.config import OutboxConfig; from cardscanner.publish import Outbox;"
        f"Outbox.open(OutboxConfig(path=Path({str(tmp_path / 'outbox.db')!r})), busy_s=0.1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    outbox.close()
    assert f"{OutboxBusy.__module__}.{OutboxBusy.__name__}" in done.stderr
    assert "is a second cardscanner running?" in done.stderr


@pytest.mark.parametrize("content", [b"", b"this is no database" * 100])
def test_what_is_damaged_is_not_in_use_and_stays_as_it_is(tmp_path, content):
    path = tmp_path / "outbox.db"
    path.write_bytes(content)
    assert not is_in_use(path)
    assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["outbox.db"]


def test_what_is_missing_or_unreadable_is_not_in_use(tmp_path):
    assert not is_in_use(tmp_path / "nowhere" / "outbox.db")
    assert not is_in_use(tmp_path)


def test_side_files_that_a_kill_left_are_not_touched(tmp_path):
    child = subprocess.Popen(
        [sys.executable, str(TESTS / "putting_child.py"), str(tmp_path)], stdout=subprocess.PIPE
    )
    with child.stdout:
        child.stdout.readline()
        assert is_in_use(tmp_path / "outbox.db")
        child.kill()
        child.wait(10)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert "outbox.db-wal" in before
    assert not is_in_use(tmp_path / "outbox.db")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before
