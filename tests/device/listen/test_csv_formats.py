"""CSV columns: ours, and those that collection tools import."""

import csv

import pytest
from boxes import scan_payload

from cardscanner.errors import ConfigError
from cardscanner.listen.formats import FORMATS, csv_format
from cardscanner.listen.sheet import Sheet
from cardscanner.publish.payload import CardPayload

SCAN = scan_payload(41822, id="01J8ZK3T6Y6Q0R3W9C5F1M2N7P")
FOIL = scan_payload(
    7,
    card=CardPayload(
        game="mtg",
        card_id="oc21-9",
        name="Adrix and Nev, Twincasters",
        set="OC21",
        number="9★",
        lang="en",
        finish="etched",
    ),
)
NO_MATCH = scan_payload(8, event_type="no_match", match="none", card=None)


def written(tmp_path, name, *scans):
    """What a CSV reader finds in a file of that format."""
    columns = csv_format(name)
    sheet = Sheet.open(tmp_path / "s.csv", columns.COLUMNS)
    sheet.append([row for scan in scans if (row := columns.row(scan)) is not None])
    sheet.close()
    with (tmp_path / "s.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_plain_has_all_that_identifies_a_scan(tmp_path):
    (row,) = written(tmp_path, "plain", SCAN)
    assert row == {
        "ts": "2026-09-30T12:00:03.412Z",
        "device": "box-1",
        "event_type": "match",
        "game": "mtg",
        "card_id": "neo-41822",
        "name": "Card 41822",
        "set": "neo",
        "number": "41822",
        "lang": "en",
        "finish": "",
        "score": "0.9420",
        "margin": "0.4810",
        "candidates": "neo-41822",
        "camera": "top",
        "epoch": "b3f0",
        "seq": "41822",
        "id": "01J8ZK3T6Y6Q0R3W9C5F1M2N7P",
        "database": "1",
    }


def test_plain_has_a_row_for_a_card_that_was_not_recognised(tmp_path):
    (row,) = written(tmp_path, "plain", NO_MATCH)
    assert (row["event_type"], row["card_id"], row["name"]) == ("no_match", "", "")
    assert row["candidates"] == "neo-8"


def test_moxfield_gets_the_columns_of_its_help_page(tmp_path):
    documented = {"Count", "Name", "Edition", "Condition", "Language", "Foil", "Collector Number"} | {
        "Alter",
        "Playtest Card",
        "Purchase Price",
    }
    rows = written(tmp_path, "moxfield", SCAN, NO_MATCH, FOIL)
    assert set(rows[0]) <= documented
    assert rows == [
        {
            "Count": "1",
            "Name": "Card 41822",
            "Edition": "neo",
            "Condition": "",
            "Language": "en",
            "Foil": "",
            "Collector Number": "41822",
        },
        {
            "Count": "1",
            "Name": "Adrix and Nev, Twincasters",
            "Edition": "oc21",
            "Condition": "",
            "Language": "en",
            "Foil": "etched",
            "Collector Number": "9★",
        },
    ]


def test_manabox_gets_what_its_guide_asks_for(tmp_path):
    rows = written(tmp_path, "manabox", SCAN, NO_MATCH, FOIL)
    assert rows == [
        {
            "Name": "Card 41822",
            "Set code": "NEO",
            "Collector number": "41822",
            "Foil": "normal",
            "Quantity": "1",
            "Language": "en",
        },
        {
            "Name": "Adrix and Nev, Twincasters",
            "Set code": "OC21",
            "Collector number": "9★",
            "Foil": "etched",
            "Quantity": "1",
            "Language": "en",
        },
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_every_row_has_a_field_for_every_column(name):
    columns = csv_format(name)
    assert len(columns.row(SCAN)) == len(columns.COLUMNS)


def test_an_unknown_format_is_a_mistake_that_names_the_others():
    with pytest.raises(ConfigError, match="plain, moxfield, manabox"):
        csv_format("excel")
