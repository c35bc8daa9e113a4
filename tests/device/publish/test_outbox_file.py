"""Damaged files are moved aside and kept; a new epoch says that numbers begin again."""

import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scans import open_outbox

from cardscanner.config import OutboxConfig
from cardscanner.errors import OutboxFault
from cardscanner.publish.outbox import Outbox


def filled(folder, rows=50):
    outbox = open_outbox(folder)
    for _ in range(rows):
        outbox.put("topic", lambda stamp: b"%d" % stamp.seq + bytes(400))
    epoch = outbox.epoch
    outbox.close()
    return folder / "outbox.db", epoch


def check_replaced(folder, old_epoch, content):
    outbox = open_outbox(folder)
    replaced, damage, epoch, seq = (
        outbox.replaced,
        outbox.damage,
        outbox.epoch,
        outbox.put("t", lambda _: b"").seq,
    )
    outbox.close()
    assert replaced == folder / "outbox.db.damaged-1"
    assert replaced.read_bytes() == content
    assert damage
    assert epoch != old_epoch
    assert seq == 1


def overwrite_header(content):
    return b"\xff" * 100 + content[100:]


def claim_to_be_read_only(content):
    return content[:18] + b"\x03" + content[19:]


def overwrite_pages(content):
    return content[:1024] + b"\xa5" * (len(content) - 1024)


def cut_in_half(content):
    return content[: len(content) // 2]


def cut_in_a_page(content):
    return content[: 512 * 20 + 100]


def empty(_content):
    return b""


@pytest.mark.parametrize(
    "damage", [overwrite_header, claim_to_be_read_only, overwrite_pages, cut_in_half, cut_in_a_page, empty]
)
def test_a_damaged_file_is_kept_aside_and_a_new_epoch_begins(tmp_path, damage):
    path, epoch = filled(tmp_path)
    content = damage(path.read_bytes())
    path.write_bytes(content)
    check_replaced(tmp_path, epoch, content)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path, _ = filled(tmp_path_factory.mktemp("sound"), rows=8)
    return path.read_bytes()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.integers(0, 2**20), noise=st.binary(min_size=1, max_size=600))
def test_whatever_is_written_over_a_file_it_opens_unchanged_or_is_replaced(
    sound, tmp_path_factory, where, noise
):
    folder = tmp_path_factory.mktemp("damage")
    content = bytearray(sound)
    start = where % len(content)
    content[start : start + len(noise)] = noise
    (folder / "outbox.db").write_bytes(content)
    outbox = open_outbox(folder)
    outbox.put("topic", lambda _: b"new")
    payloads = [row.payload for row in outbox.pending(0, 100)]
    outbox.close()
    old = [b"%d" % seq + bytes(400) for seq in range(1, 9)]
    assert payloads == ([*old, b"new"] if outbox.replaced is None else [b"new"])


def test_a_database_of_something_else_is_not_touched_but_moved_aside(tmp_path):
    with sqlite3.connect(tmp_path / "outbox.db") as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    check_replaced(tmp_path, "", (tmp_path / "outbox.db").read_bytes())


def test_a_schema_of_another_version_is_moved_aside(tmp_path):
    path, epoch = filled(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    check_replaced(tmp_path, epoch, path.read_bytes())


def test_a_missing_column_is_a_wrong_schema(tmp_path):
    path, epoch = filled(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE outbox DROP COLUMN boot")
    connection.close()
    check_replaced(tmp_path, epoch, path.read_bytes())


def test_a_log_without_its_database_is_not_applied_to_a_new_one(tmp_path):
    (tmp_path / "outbox.db-wal").write_bytes(b"left over")
    outbox = open_outbox(tmp_path)
    replaced = outbox.replaced
    outbox.close()
    assert replaced == tmp_path / "outbox.db.damaged-1-wal"
    assert replaced.read_bytes() == b"left over"


def test_every_damaged_file_is_kept(tmp_path):
    for text in (b"first", b"second"):
        (tmp_path / "outbox.db").write_bytes(text)
        open_outbox(tmp_path).close()
    assert (tmp_path / "outbox.db.damaged-1").read_bytes() == b"first"
    assert (tmp_path / "outbox.db.damaged-2").read_bytes() == b"second"


def test_damage_that_shows_while_running_is_replaced_without_a_restart(tmp_path):
    outbox = open_outbox(tmp_path)
    for _ in range(60):  # more than SQLite keeps in memory
        outbox.put("topic", lambda _: bytes(100_000))
    outbox.close()
    outbox = open_outbox(tmp_path)
    first_epoch = outbox.epoch
    content = (tmp_path / "outbox.db").read_bytes()
    (tmp_path / "outbox.db").write_bytes(content[:2048] + b"\xa5" * (len(content) - 2048))
    with pytest.raises(OutboxFault, match="malformed"):
        outbox.pending(0, 200)
    assert outbox.put("topic", lambda _: b"new").seq == 1
    assert outbox.replaced == tmp_path / "outbox.db.damaged-1"
    assert outbox.epoch != first_epoch
    assert outbox.depth == 1
    outbox.close()


def test_a_path_that_is_a_folder_is_a_fault_and_stays(tmp_path):
    (tmp_path / "outbox.db").mkdir()
    with pytest.raises(OutboxFault, match=r"outbox\.db"):
        Outbox.open(OutboxConfig(path=tmp_path / "outbox.db"))
    assert (tmp_path / "outbox.db").is_dir()
