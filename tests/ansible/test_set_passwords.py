"""The broker's password file as the role writes it. That Mosquitto takes it is tested on booted hosts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "ansible" / "roles" / "broker" / "files" / "set_passwords.py"


def set_passwords(file, mode="--write", **users):
    wanted = json.dumps([{"name": name, "password": password} for name, password in users.items()])
    return subprocess.run(
        [sys.executable, SCRIPT, file, mode], input=wanted, capture_output=True, text=True, check=False
    )


def lines(file):
    return dict(line.split(":", 1) for line in file.read_text().splitlines())


def test_passwords_become_hashes_that_only_their_owner_reads(tmp_path):
    file = tmp_path / "passwords"
    assert set_passwords(file, a1b2c3="secret words", reader="others").stdout == "changed\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "secret" not in file.read_text()
    assert all(line.startswith("$7$1000$") for line in lines(file).values())


def test_what_is_right_stays_as_it_is(tmp_path):
    file = tmp_path / "passwords"
    set_passwords(file, a1b2c3="secret words", reader="others")
    before = file.read_text()
    assert set_passwords(file, a1b2c3="secret words", reader="others").stdout == "as they were\n"
    assert file.read_text() == before


def test_a_new_password_changes_its_own_line_only(tmp_path):
    file = tmp_path / "passwords"
    set_passwords(file, a1b2c3="secret words", reader="others")
    before = lines(file)
    assert set_passwords(file, a1b2c3="newer words", reader="others").stdout == "changed\n"
    assert lines(file)["reader"] == before["reader"]
    assert lines(file)["a1b2c3"] != before["a1b2c3"]


def test_who_is_not_named_any_more_is_gone(tmp_path):
    file = tmp_path / "passwords"
    set_passwords(file, a1b2c3="secret words", reader="others")
    set_passwords(file, reader="others")
    assert set(lines(file)) == {"reader"}


def test_looking_writes_nothing(tmp_path):
    file = tmp_path / "passwords"
    assert set_passwords(file, "--check", a1b2c3="secret words").stdout == "changed\n"
    assert not file.exists()


def test_an_empty_list_is_an_empty_file_and_stays_one(tmp_path):
    file = tmp_path / "passwords"
    assert set_passwords(file).stdout == "changed\n"
    assert file.read_text() == ""
    assert set_passwords(file).stdout == "as they were\n"


@pytest.mark.parametrize("damage", ["a1b2c3:plain words\n", "a1b2c3:$6$old$old\n", "a1b2c3:\n"])
def test_a_line_of_another_kind_is_made_anew(tmp_path, damage):
    file = tmp_path / "passwords"
    file.write_text(damage)
    assert set_passwords(file, a1b2c3="secret words").stdout == "changed\n"
    assert lines(file)["a1b2c3"].startswith("$7$")


@pytest.mark.parametrize("name", ["", "two:parts", "two\nlines"])
def test_a_name_that_would_break_the_file_is_refused(tmp_path, name):
    done = set_passwords(tmp_path / "passwords", **{name: "secret words"})
    assert done.returncode == 1
    assert "not the name of a user" in done.stderr
    assert "secret" not in done.stderr
