"""Reading card tables and folders: what is right comes out as it was, what is wrong is told by its line."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from pathlib import Path

import pytest
from drawn_cards import write_card
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.errors import InputError
from cardscanner.match.card_table import Reference, read_source, read_table


@pytest.fixture
def table(tmp_path):
    """Give a function that writes a table beside two pictures and returns its path."""
    for name in ("a.png", "b.png", "über, 2.png"):
        (tmp_path / name).write_bytes(b"picture")

    def write(content: str | bytes) -> Path:
        path = tmp_path / "cards.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_columns_become_id_name_picture_and_metadata(table):
    path = table("set,card_id,file,name,lang\nBase,base-1,a.png,Alpha,en\n,base-2,b.png,,\n")
    first, second = read_table(path)
    assert (first.card_id, first.name, first.image, first.path) == (
        "base-1",
        "Alpha",
        "a.png",
        path.parent / "a.png",
    )
    assert first.metadata == {"set": "Base", "lang": "en"}
    assert (second.name, second.metadata) == ("base-2", {})


def test_the_order_of_the_table_is_kept(table):
    path = table("card_id,file\nz,a.png\na,b.png\nm,a.png\n")
    assert [each.card_id for each in read_table(path)] == ["z", "a", "m"]


def test_byte_order_mark_quotes_and_windows_line_ends_are_read(table):
    path = table('\ufeffcard_id,file,name\r\n"x,1","über, 2.png","He said ""hi"""\r\n')
    (card,) = read_table(path)
    assert (card.card_id, card.image, card.name) == ("x,1", "über, 2.png", 'He said "hi"')


def test_the_art_group_stays_in_the_metadata_and_is_offered_as_such(table):
    first, second = read_table(table("card_id,file,art_group\nx,a.png,17\ny,b.png,\n"))
    assert (first.art_group, first.metadata) == ("17", {"art_group": "17"})
    assert second.art_group == ""


def test_blank_lines_and_unnamed_columns_are_left_out(table):
    (card,) = read_table(table("card_id,file,,\n\n,,,\nx,a.png,,7\n\n"))
    assert (card.card_id, card.metadata) == ("x", {})


def test_absolute_paths_are_taken(table, tmp_path):
    (card,) = read_table(table(f"card_id,file\nx,{tmp_path / 'a.png'}\n"))
    assert card.path == tmp_path / "a.png"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "table is empty"),
        ("\n\n", "table is empty"),
        ("card_id,file\n", "names no cards"),
        ("card,file\nx,a.png\n", r"line 1: the column card_id is missing; there are card, file"),
        ("name\nx\n", "column card_id and file is missing"),
        ("card_id;file\nx;a.png\n", "separate the columns with commas"),
        ("card_id,file,set,set\nx,a.png,1,2\n", "'set' stands here twice"),
        ("card_id,file\nx,a.png,more\n", "line 2: 3 fields, the first line has 2"),
        ("card_id,file\nx\n", "line 2: 1 fields"),
        ("card_id,file\n,a.png\n", "line 2: card_id is empty"),
        ("card_id,file\n  ,a.png\n", "line 2: card_id is empty"),
        ("card_id,file\nx,\n", "line 2: file is empty"),
        ("card_id,file\nx,a.png\n\ny,b.png\nx,b.png\n", "line 5: card_id x stands already in line 2"),
        ("card_id,file\nx,nowhere.png\n", "line 2: there is no file .*nowhere.png"),
        ("card_id,file\nx,.\n", "line 2: there is no file"),
        (f"card_id,file\nx,{'n' * 5000}.png\n", "line 2: there is no file"),
        ("card_id,file\nx,a\0.png\n", "line 2"),
        ('card_id,file\nx,"a.png\n', "line 2: not valid CSV"),
        ('card_id,file\nx,"a"b.png\n', "line 2: not valid CSV"),
        (b"card_id,file\n\xff\xfe,a.png\n", "not UTF-8"),
    ],
)
def test_mistakes_are_told_with_file_and_line(table, content, message):
    path = table(content)
    with pytest.raises(InputError, match=message) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


def test_line_numbers_count_lines_of_the_file_also_behind_quoted_line_breaks(table):
    with pytest.raises(InputError, match="line 4: card_id is empty"):
        read_table(table('card_id,file,name\nx,a.png,"two\nlines"\n,b.png,\n'))


def test_all_mistakes_are_told_at_once_and_very_many_are_cut_off(table):
    with pytest.raises(InputError) as caught:
        read_table(table("card_id,file\nx,no-1.png\ny,no-2.png\n,a.png\n"))
    assert len(str(caught.value).splitlines()) == 3
    with pytest.raises(InputError, match="and 80 more"):
        read_table(table("card_id,file\n" + "x,no.png\n" * 100))


def test_a_source_that_is_neither_folder_nor_csv_is_an_input_error(tmp_path, table):
    table("card_id,file\n")
    with pytest.raises(InputError, match="there is no such"):
        read_source(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"\.csv, \.json or \.jsonl card table"):
        read_source(tmp_path / "a.png")


def test_a_folder_gives_its_pictures_in_the_order_of_their_names(tmp_path):
    for name in ("b-2.PNG", "a-1.png", "c.jpeg"):
        (tmp_path / name).write_bytes(b"picture")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_bytes(b"picture")
    (tmp_path / "inner").mkdir()
    cards = read_source(tmp_path)
    assert [(each.card_id, each.name, each.image) for each in cards] == [
        ("a-1", "a-1", "a-1.png"),
        ("b-2", "b-2", "b-2.PNG"),
        ("c", "c", "c.jpeg"),
    ]


def test_a_folder_without_pictures_is_an_input_error(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(InputError, match="no pictures in this folder"):
        read_source(tmp_path)


def test_two_pictures_with_one_card_id_are_an_input_error(tmp_path):
    write_card(tmp_path / "x.png", 1)
    write_card(tmp_path / "x.jpg", 1)
    with pytest.raises(InputError, match=r"x\.jpg has the same card_id x"):
        read_source(tmp_path)


def test_a_file_name_that_is_no_text_is_an_input_error(tmp_path):
    try:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))).write_bytes(b"picture")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    with pytest.raises(InputError, match="not UTF-8"):
        read_source(tmp_path)


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    ids=st.lists(_TEXT.filter(str.strip), min_size=1, max_size=8, unique_by=str.strip),
    columns=st.lists(
        _TEXT.map(str.strip).filter(lambda name: name not in {"", "card_id", "file"}), max_size=4, unique=True
    ),
    data=st.data(),
)
def test_every_table_that_a_csv_writer_writes_comes_back(ids, columns, data):
    rows = [
        {"card_id": card_id, "file": "a.png", **{name: data.draw(_TEXT) for name in columns}}
        for card_id in ids
    ]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.png").write_bytes(b"picture")
        path = Path(folder) / "cards.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["card_id", *columns, "file"])
            writer.writeheader()
            writer.writerows(rows)
        found = read_table(path)
    assert [each.card_id for each in found] == [each.strip() for each in ids]
    for reference, row in zip(found, rows, strict=True):
        assert reference.name == (row.get("name", "").strip() or reference.card_id)
        further = {key: row[key].strip() for key in columns if key != "name" and row[key].strip()}
        assert reference.metadata == further


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.text(alphabet='card_id,file\n"\r;\0xé', max_size=80).map(str.encode))
def test_any_bytes_are_a_table_or_an_input_error(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cards.csv"
        path.write_bytes(content)
        try:
            outcome = read_table(path)
        except InputError as error:
            outcome = str(error)
        assert str(path) in outcome or all(isinstance(each, Reference) for each in outcome)


def test_a_stream_of_many_rows_is_read(table):
    text = io.StringIO()
    text.write("card_id,file\n")
    text.writelines(f"card-{number},a.png\n" for number in range(5000))
    assert len(read_table(table(text.getvalue()))) == 5000
