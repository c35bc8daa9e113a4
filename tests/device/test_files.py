"""A replaced file is the old one or the new one, never a part, and leaves nothing behind."""

import hashlib
import json
import random
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardscanner.files import replacing, sha256_of, sync_folder, write_json

OLD, NEW = b"old" * 100_000, b"new!" * 400_000


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_the_new_content_takes_the_place_of_the_old(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)
    with replacing(path) as temporary:
        temporary.write_bytes(NEW)
        assert path.read_bytes() == OLD
    assert path.read_bytes() == NEW
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_old_content_stays_when_the_writer_fails(tmp_path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)

    def write():
        with replacing(path) as temporary:
            temporary.write_bytes(NEW[:1000])
            raise error

    with pytest.raises(error):
        write()
    assert path.read_bytes() == OLD
    assert names(tmp_path) == ["a.bin"]


def test_a_writer_that_writes_nothing_changes_nothing(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)
    with pytest.raises(FileNotFoundError), replacing(path):
        pass
    assert path.read_bytes() == OLD
    assert names(tmp_path) == ["a.bin"]


def test_a_first_file_that_fails_leaves_no_file(tmp_path):
    path = tmp_path / "a.bin"
    with pytest.raises(TypeError), replacing(path) as temporary:
        temporary.write_bytes("text")
    assert names(tmp_path) == []


def test_a_folder_in_the_way_is_an_error_and_stays(tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(OSError, match="directory"), replacing(tmp_path / "a.bin") as temporary:
        temporary.write_bytes(NEW)
    assert names(tmp_path) == ["a.bin"]


WRITER = """
import os, signal, sys
from pathlib import Path
from cardscanner.files import replacing

path, suicide = Path(sys.argv[1]), sys.argv[2] == "suicide"
print("go", flush=True)
while True:
    for content in (b"new!" * 400_000, b"old" * 100_000):
        with replacing(path) as temporary:
            temporary.write_bytes(content)
            if suicide:
                os.kill(os.getpid(), signal.SIGKILL)
"""


def start_writer(path, how):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), how], stdout=subprocess.PIPE)
    assert writer.stdout.readline() == b"go\n"
    return writer


def test_killed_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)
    dice = random.Random(5)
    for _ in range(15):
        with start_writer(path, "forever") as writer:
            time.sleep(dice.uniform(0.0, 0.05))
            writer.kill()
        assert writer.returncode == -signal.SIGKILL
        assert path.read_bytes() in (OLD, NEW)
    with replacing(path) as temporary:
        temporary.write_bytes(b"after all that")
    assert path.read_bytes() == b"after all that"


def test_killed_between_writing_and_renaming_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)
    with start_writer(path, "suicide") as writer:
        assert writer.wait() == -signal.SIGKILL
    assert path.read_bytes() == OLD
    assert [each for each in names(tmp_path) if not each.startswith(".")] == ["a.bin"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=3_000_000))
def test_the_hash_is_the_sha256_of_the_content(tmp_path, content):
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_a_file_larger_than_a_chunk_is_hashed_whole(tmp_path):
    content = random.Random(1).randbytes((1 << 21) + 17)
    (tmp_path / "a.bin").write_bytes(content)
    assert sha256_of(tmp_path / "a.bin") == hashlib.sha256(content).hexdigest()


def test_json_is_written_whole_readable_and_with_a_last_line_break(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"name": "Pokémon", "numbers": [1, 2.5, None]})
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "Pokémon", "numbers": [1, 2.5, None]}
    assert "Pokémon" in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), {"deep": [float("inf")]}])
def test_what_is_not_json_is_refused_and_the_old_document_stays(tmp_path, value):
    path = tmp_path / "a.json"
    write_json(path, {"good": 1})
    with pytest.raises((TypeError, ValueError)):
        write_json(path, value)
    assert json.loads(path.read_text()) == {"good": 1}
    assert names(tmp_path) == ["a.json"]


def test_a_folder_that_is_not_there_cannot_be_made_durable(tmp_path):
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        sync_folder(tmp_path / "file")
