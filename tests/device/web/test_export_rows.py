"""The export's rows: the columns of the command's export, safe in spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.control.export import COLUMNS
from cardscanner.history import Entry
from cardscanner.web.export_rows import CSV_COLUMNS, as_csv, as_json


def entry(name="Arlisk", **changes):
    fields = {
        "id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "seq": 1, "epoch": "e", "ts": datetime(2026, 9, 30, 12, tzinfo=UTC),
        "ts_source": "ntp", "decision": "match", "match": "exact", "candidates": [], "score": 0.9, "margin": -0.1,
        "card": {"game": "pokemon", "card_id": "a-1", "name": name, "set": "a", "number": "1"},
        "camera": "top", "session": 2, "undone": False, "corrected": None, "has_photo": True, "database": "1",
    }  # fmt: skip
    return Entry(**{**fields, **changes})


def table(*entries):
    text = b"".join(as_csv(entries, "small", {2: "=box"})).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_the_columns_are_those_of_the_command_and_what_people_said():
    assert (*COLUMNS, "session", "undone", "corrected") == CSV_COLUMNS
    [row] = table(entry(undone=True, corrected="b-2"))
    assert row["card_id"] == "a-1"
    assert (row["event_type"], row["match"], row["device"]) == ("match", "exact", "small")
    assert (row["undone"], row["corrected"], row["ts"]) == ("yes", "b-2", "2026-09-30T12:00:00.000Z")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"])
def test_no_cell_is_a_formula(name):
    [row] = table(entry(name))
    assert row["name"] == "'" + name
    assert row["session"] == "'=box"


def test_numbers_stay_numbers():
    assert table(entry())[0]["margin"] == "-0.1"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_every_name_comes_back_as_it_was(name):
    [row] = table(entry(name))
    assert row["name"].removeprefix("'") == name.removeprefix("'")
    assert not row["name"].startswith(("=", "+", "-", "@"))


def test_a_scan_without_a_card_has_empty_cells():
    [row] = table(entry(card=None, decision="no_match", match="none"))
    assert row["card_id"] == row["name"] == ""


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_json_export_is_one_list(count):
    found = json.loads(b"".join(as_json([entry()] * count, "small", {2: "box"})))
    assert len(found) == count
    assert all(each["session_name"] == "box" for each in found)
