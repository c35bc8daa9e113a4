"""The CSV file of a session: whole lines, gone on with, never mixed up."""

import csv
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.errors import InputError
from cardscanner.listen.sheet import Sheet

COLUMNS = ("name", "seq")


def filled(path, *rows):
    sheet = Sheet.open(path, COLUMNS)
    sheet.append(rows)
    sheet.close()


def content(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_a_new_file_begins_with_its_columns(tmp_path):
    filled(tmp_path / "s.csv", ("Mew", "1"))
    assert content(tmp_path / "s.csv") == [["name", "seq"], ["Mew", "1"]]


def test_a_file_is_gone_on_with(tmp_path):
    filled(tmp_path / "s.csv", ("Mew", "1"))
    filled(tmp_path / "s.csv", ("Mewtwo", "2"))
    assert content(tmp_path / "s.csv")[1:] == [["Mew", "1"], ["Mewtwo", "2"]]


def test_a_file_with_other_columns_is_left_alone(tmp_path):
    path = tmp_path / "s.csv"
    path.write_bytes(b"Count,Name\r\n1,Mew\r\n")
    with pytest.raises(InputError, match="other columns"):
        Sheet.open(path, COLUMNS)
    assert path.read_bytes() == b"Count,Name\r\n1,Mew\r\n"


def test_a_text_that_is_no_table_is_left_alone(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_bytes(b"Dear collector, no line end here")
    with pytest.raises(InputError, match="other columns"):
        Sheet.open(path, COLUMNS)
    assert path.read_bytes() == b"Dear collector, no line end here"


def test_two_processes_do_not_write_to_one_file(tmp_path):
    sheet = Sheet.open(tmp_path / "s.csv", COLUMNS)
    with pytest.raises(InputError, match="another process"):
        Sheet.open(tmp_path / "s.csv", COLUMNS)
    sheet.close()
    filled(tmp_path / "s.csv")


@pytest.mark.parametrize("torn", [b"Mew", b'"Nidoran, male', b"x" * 200_000])
def test_a_line_that_was_cut_off_is_removed(tmp_path, torn):
    path = tmp_path / "s.csv"
    filled(path, ("Mew", "1"))
    with path.open("ab") as file:
        file.write(torn)
    filled(path, ("Mewtwo", "2"))
    assert content(path)[1:] == [["Mew", "1"], ["Mewtwo", "2"]]


@pytest.mark.parametrize("torn", [b"", b"na", b"name,seq"])
def test_a_file_without_a_whole_first_line_is_begun_anew(tmp_path, torn):
    path = tmp_path / "s.csv"
    path.write_bytes(torn)
    filled(path, ("Mew", "1"))
    assert content(path) == [["name", "seq"], ["Mew", "1"]]


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_every_name_is_one_field_of_one_line(tmp_path_factory, name):
    path = tmp_path_factory.mktemp("names") / "s.csv"
    filled(path, (name, "1"), ("Mew", "2"))
    assert content(path) == [["name", "seq"], [" ".join(name.split()), "1"], ["Mew", "2"]]


WRITER = """
import sys; from pathlib import Path; from cardscanner.listen.sheet import Sheet
sheet = Sheet.open(Path(sys.argv[1]), ("name", "seq")); seq = 0
while True:
    seq += 1; sheet.append([("Nidoran, " + "x" * (seq % 50), str(seq))]); print(seq, flush=True)
"""


def test_a_kill_loses_nothing_that_was_said_to_be_written(tmp_path):
    path = tmp_path / "s.csv"
    for turn in range(5):
        path.unlink(missing_ok=True)
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        said = [child.stdout.readline()]
        time.sleep(0.02 * turn)
        child.send_signal(signal.SIGKILL)
        said += child.stdout.readlines()
        child.stdout.close()
        child.wait()
        told = max(int(line) for line in said if line.endswith(b"\n"))
        Sheet.open(path, COLUMNS).close()
        assert [row[1] for row in content(path)[1:]][:told] == [str(seq) for seq in range(1, told + 1)]
