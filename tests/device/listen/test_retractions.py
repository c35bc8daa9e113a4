"""What a person undoes leaves the CSV file of a listener, and comes back when it is redone."""

from __future__ import annotations

import csv
from contextlib import closing

import pytest
from boxes import scan_payload

from cardscanner.listen.formats import csv_format
from cardscanner.listen.session import Record
from cardscanner.listen.sheet import Sheet
from cardscanner.listen.subscriber import Retraction, Scan


def heard(seq):
    payload = scan_payload(seq)
    return Scan(payload, payload.to_bytes().decode())


def seqs(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [int(row["seq"]) for row in csv.DictReader(file)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scans.csv"


def opened(path, name="plain"):
    columns = csv_format(name)
    return Sheet.open(path, columns.COLUMNS), columns


def test_an_undone_scan_leaves_the_file_and_a_redone_one_comes_back(path):
    scans = [heard(seq) for seq in (1, 2, 3)]
    sheet, columns = opened(path)
    with closing(sheet):
        record = Record(sheet, columns)
        record.write(scans)
        second = scans[1].payload.id
        record.retract(Retraction("box", second, undone=True))
        record.retract(Retraction("box", second, undone=True))
        assert seqs(path) == [1, 3]
        record.retract(Retraction("box", second, undone=False))
        record.write([heard(4)])
        assert seqs(path) == [1, 3, 2, 4]


def test_a_scan_of_an_earlier_session_is_found_by_its_id(path):
    scans = [heard(seq) for seq in (1, 2)]
    for undone in (None, scans[0].payload.id, "7" + "Z" * 25):
        sheet, columns = opened(path)
        with closing(sheet):
            record = Record(sheet, columns)
            if undone is None:
                record.write(scans)
            else:
                record.retract(Retraction("box", undone, undone=True))
    assert seqs(path) == [2]


def test_of_equal_rows_only_one_goes(path):
    sheet, columns = opened(path, "manabox")
    with closing(sheet):
        record = Record(sheet, columns)
        scans = [heard(seq) for seq in (1, 2)]
        rows = {columns.row(each.payload) for each in scans}
        record.write(scans)
        before = path.read_text(encoding="utf-8").count("\n")
        record.retract(Retraction("box", scans[0].payload.id, undone=True))
        assert path.read_text(encoding="utf-8").count("\n") == before - 1
        assert len(rows) in {1, 2}


def test_the_file_stays_locked_after_a_line_was_taken_out(path):
    sheet, columns = opened(path)
    with closing(sheet):
        record = Record(sheet, columns)
        scans = [heard(1)]
        record.write(scans)
        record.retract(Retraction("box", scans[0].payload.id, undone=True))
        with pytest.raises(Exception, match="another process writes to it"):
            opened(path)
