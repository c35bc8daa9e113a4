"""``cardscanner backup`` and ``cardscanner restore``."""

import json
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from histories import Keeping
from scans import open_outbox
from small_scanner import small_scanner

from cardscanner.cli import main
from cardscanner.config import HistoryConfig
from cardscanner.history import History
from cardscanner.web.accounts import Accounts

PARTS = {"outbox.db", "history.db", "corrections/corrections.jsonl", "accounts.json", "cardscanner.yaml"}


@pytest.fixture
def scanner(tmp_path):
    """A scanner that has seen three cards, with an owner and a correction."""
    scanner = small_scanner(tmp_path / "box")
    scanner.config(web={}, corrections={"folder": "corrections"})
    with closing(open_outbox(scanner.root)) as outbox, closing(Keeping(scanner.root, outbox)) as keeping:
        keeping.scan(3, photo=b"a photo")
        keeping.keeper.step(100)
    (scanner.root / "corrections").mkdir()
    (scanner.root / "corrections" / "corrections.jsonl").write_text('{"card_id": "base1-4"}\n')
    Accounts.open(scanner.root / "web").add("ann", "long enough", "admin")
    return scanner


def configured(root):
    return ["--config", str(root / "cardscanner.yaml")]


def made(scanner, capsys):
    assert main(["backup", "--json", *configured(scanner.root)]) == 0
    return json.loads(capsys.readouterr().out)


def seen_by(root):
    """What a scanner in that folder knows."""
    with (
        closing(open_outbox(root)) as outbox,
        closing(History.open(root / "history.db", HistoryConfig(), outbox)) as history,
    ):
        entries = [(entry.id, history.photo(entry.id)) for entry in history.export_rows(None)]
        return outbox.last_seq, entries


def test_what_was_backed_up_is_there_again_on_a_new_box(scanner, tmp_path, capsys):
    told = made(scanner, capsys)
    assert set(told["contents"]) == PARTS
    assert Path(told["path"]).stat().st_mode & 0o077 == 0
    before = seen_by(scanner.root)
    assert [photo for _, photo in before[1]] == [b"a photo"] * 3
    new = tmp_path / "new"
    new.mkdir()
    (new / "cardscanner.yaml").write_text((scanner.root / "cardscanner.yaml").read_text())
    assert main(["restore", told["path"], *configured(new)]) == 0
    assert f"{new / 'outbox.db'}: put back" in capsys.readouterr().out
    assert seen_by(new) == before
    assert Accounts.open(new / "web").login("ann", "long enough").role == "admin"
    assert "base1-4" in (new / "corrections" / "corrections.jsonl").read_text()


def test_what_was_there_before_is_kept_beside_it(scanner, capsys):
    backup = made(scanner, capsys)["path"]
    with closing(open_outbox(scanner.root)) as outbox, closing(Keeping(scanner.root, outbox)) as keeping:
        keeping.scan(2)
        keeping.keeper.step(100)
    for number in (1, 2):
        assert main(["restore", backup, *configured(scanner.root)]) == 0
        assert f"outbox.db.before-restore-{number}: what was there before" in capsys.readouterr().out
    assert seen_by(scanner.root)[0] == 3
    (scanner.root / "older").mkdir()
    for name in ("outbox.db", "history.db"):
        (scanner.root / f"{name}.before-restore-1").rename(scanner.root / "older" / name)
    assert seen_by(scanner.root / "older")[0] == 5


def test_a_scanner_that_runs_is_never_restored_into(scanner, capsys):
    backup = made(scanner, capsys)["path"]
    with closing(open_outbox(scanner.root)):
        # The lock is another process's, as it is on a box.
        done = subprocess.run(
            [sys.executable, "-m", "cardscanner", "restore", backup, *configured(scanner.root)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "systemctl stop cardscanner" in done.stderr
    assert not list(scanner.root.glob("*.before-restore*"))


def pack(path, name, data):
    (path.parent / "part").write_bytes(data)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(path.parent / "part", name)
    return path


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("../outbox.db", b"x", "no backup of a scanner"),
        ("corrections/../../x", b"x", "no backup of a scanner"),
        ("outbox.db", b"SQLite format 3\0 and nothing", "damaged"),
        ("history.db", b"no database at all", "damaged"),
    ],
)
def test_what_is_no_backup_changes_nothing(scanner, tmp_path, capsys, name, data, words):
    before = seen_by(scanner.root)
    strange = pack(tmp_path / "strange.tar.gz", name, data)
    assert main(["restore", str(strange), *configured(scanner.root)]) == 65
    assert words in capsys.readouterr().err
    assert seen_by(scanner.root) == before
    assert not list(scanner.root.glob("*.before-restore*"))


def test_a_truncated_backup_changes_nothing(scanner, capsys):
    backup = Path(made(scanner, capsys)["path"])
    whole = backup.read_bytes()
    for share in (0.2, 0.6, 0.95):
        backup.write_bytes(whole[: int(len(whole) * share)])
        assert main(["restore", str(backup), *configured(scanner.root)]) == 65
        assert "damaged" in capsys.readouterr().err
    assert not list(scanner.root.glob("*.before-restore*"))
