"""The table of corrections, written by the scanner and by commands at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cardscanner.corrections import Correction, Corrections
from cardscanner.errors import InputError

WRITER = """
import sys
from pathlib import Path
from cardscanner.corrections import Correction, Corrections

folder, who = Path(sys.argv[1]), sys.argv[2]
for number in range(20):
    event = f"{number:025d}{who}"
    Corrections(folder).add(Correction(event, "a-1", "match", ("b-2",), "1", None, "now"), b"picture")
"""


def test_two_processes_that_correct_at_once_lose_nothing(tmp_path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "corrections"), who]) for who in "XY"
    ]
    assert [each.wait(60) for each in writers] == [0, 0]
    found = Corrections(tmp_path / "corrections").all()
    assert len({each.event for each in found}) == len(found) == 40
    assert all((tmp_path / "corrections" / each.file).read_bytes() == b"picture" for each in found)


def test_the_newest_word_on_an_event_counts(tmp_path):
    corrections = Corrections(tmp_path)
    for card_id in ("a-1", "a-2"):
        corrections.add(Correction("0" * 26, card_id, "match", ("b-2",), "1", None, "now"), None)
    assert [each.card_id for each in corrections.all()] == ["a-2"]


def test_a_line_that_is_no_correction_is_told_by_its_number(tmp_path):
    corrections = Corrections(tmp_path)
    corrections.add(Correction("0" * 26, "a-1", "match", (), "1", None, "now"), None)
    with (tmp_path / "corrections.jsonl").open("a") as table:
        table.write("{}\n")
    with pytest.raises(InputError, match="line 2: no correction"):
        corrections.all()
