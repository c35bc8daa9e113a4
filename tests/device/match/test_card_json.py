"""Card tables in JSON and metadata dumps: fields, views, pictures found on disk, mistakes by their place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.errors import InputError
from cardscanner.match.card_table import read_source


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png", "base1/4_hires.png", "base1-5.jpg", "base1/4.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"picture")
    return tmp_path


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def test_fields_are_those_of_a_csv_table(folder):
    entry = {"card_id": "x", "file": "a.png", "name": "Álpha", "number": 7, "language": "en", "rarity": None}
    (card,) = read_source(write(folder / "cards.json", [entry]))
    assert (card.card_id, card.name, card.image, card.path) == ("x", "Álpha", "a.png", folder / "a.png")
    assert card.metadata == {"number": "7", "lang": "en"}


def test_one_object_a_line_and_a_list_are_the_same(folder):
    entries = [{"card_id": "x", "file": "a.png"}, {"card_id": "y", "file": "b.png"}]
    whole = read_source(write(folder / "cards.json", entries))
    lines = read_source(write(folder / "cards.jsonl", "\n\n".join(map(json.dumps, entries)) + "\n"))
    assert whole == lines
    assert read_source(write(folder / "page.json", {"data": entries, "page": 1})) == whole


def test_a_line_ends_where_the_file_says_so_not_where_a_text_may_break(folder):
    """U+2028 is allowed inside a JSON string."""
    entry = json.dumps({"card_id": "x", "file": "a.png", "name": "one\u2028two"}, ensure_ascii=False)
    (card,) = read_source(write(folder / "cards.jsonl", entry + "\n"))
    assert card.name == "one\u2028two"


def test_a_list_of_files_gives_the_views_of_one_card(folder):
    entries = [{"card_id": "x", "file": ["a.png", "b.png"], "name": "X"}, {"card_id": "y", "file": "b.png"}]
    cards = read_source(write(folder / "cards.json", entries))
    assert [(each.card_id, each.name, each.image) for each in cards] == [
        ("x", "X", "a.png"),
        ("x", "X", "b.png"),
        ("y", "y", "b.png"),
    ]


def dumped(card_id="base1-4", **more):
    number = card_id.split("-")[1]
    images = {
        "small": f"https://images.example/base1/{number}.png",
        "large": f"https://images.example/base1/{number}_hires.png",
    }
    return {"id": card_id, "name": "Charizard", "number": number, "rarity": "Rare Holo", "images": images, "hp": "120", **more}  # fmt: skip


def test_an_entry_of_a_dump_finds_the_best_picture_that_was_stored_under_the_path_of_its_address(folder):
    (card,) = read_source(write(folder / "dump.json", [dumped(set={"id": "base1", "name": "Base"})]))
    assert (card.card_id, card.name, card.image) == ("base1-4", "Charizard", "base1/4_hires.png")
    assert card.metadata == {"number": "4", "rarity": "Rare Holo", "set": "base1", "set_name": "Base"}


def test_a_folder_of_dumps_gives_set_and_language_by_the_names_of_file_and_folder(folder):
    write(folder / "cards" / "en" / "base1.json", [dumped(), dumped("base1-5")])
    cards = read_source(folder / "cards" / "en", folder)
    assert [(each.card_id, each.image) for each in cards] == [
        ("base1-4", "base1/4_hires.png"),
        ("base1-5", "base1-5.jpg"),
    ]
    assert {each.metadata["set"] for each in cards} == {"base1"}
    assert {each.metadata["lang"] for each in cards} == {"en"}


def test_pictures_may_lie_elsewhere(folder):
    table = write(folder / "tables" / "cards.csv", "card_id,file\nx,a.png\n")
    assert read_source(table, folder)[0].path == folder / "a.png"


def test_views_in_a_csv_table_stand_together_and_need_words_of_their_own(folder):
    table = write(folder / "cards.csv", "card_id,file,view,name\nx,a.png,,X\ny,b.png,,\nx,b.png,side,Z\n")
    cards = read_source(table)
    assert [(each.card_id, each.name, each.image) for each in cards] == [
        ("x", "X", "a.png"), ("x", "X", "b.png"), ("y", "y", "b.png"),
    ]  # fmt: skip
    table = write(folder / "cards.csv", "card_id,file,view\nx,a.png,side\nx,b.png,side\n")
    with pytest.raises(InputError, match="line 3: card_id x stands already in line 2"):
        read_source(table)


def test_views_in_a_folder_are_named_after_the_card(tmp_path):
    for name in ("x.png", "x@foil.png", "y.png"):
        (tmp_path / name).write_bytes(b"picture")
    assert [(each.card_id, each.image) for each in read_source(tmp_path)] == [
        ("x", "x.png"), ("x", "x@foil.png"), ("y", "y.png"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("7", "a card table is a list of cards"),
        ('{"page": 1}', "a card table is a list of cards"),
        ("[]", "names no cards"),
        ("[3]", "entry 1: this is no card"),
        ('[{"name": "x"}]', "entry 1: neither card_id nor id is here; there are name"),
        ('[{"card_id": "x", "file": "a.png"}, {"card_id": "x", "file": "b.png"}]', "entry 2: card_id x stands already"),
        ('[{"card_id": "", "file": "a.png"}]', "card_id is empty"),
        ('[{"card_id": "x"}]', "file is empty"),
        ('[{"card_id": "x", "file": []}]', "file is empty"),
        ('[{"card_id": "x", "file": "none.png"}]', "there is no file"),
        ('[{"card_id": "x", "file": "\\u0000"}]', "there is no file"),
        ('[{"id": "base1-9", "images": {"small": "https://images.example/base1/9.png"}}]',
         "card base1-9 has no picture below .* base1/9.png, base1-9.png"),
        ('[{"id": "base1-9", "images": 3}]', "card base1-9 has no picture"),
    ],
)  # fmt: skip
def test_mistakes_are_told_by_their_place(folder, document, message):
    with pytest.raises(InputError, match=message):
        read_source(write(folder / "cards.json", document))


def test_a_broken_line_is_told_by_its_number(folder):
    with pytest.raises(InputError, match=r"cards\.jsonl, line 2: not valid JSON"):
        read_source(write(folder / "cards.jsonl", '{"card_id": "x", "file": "a.png"}\n{"card\n'))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["a.png", "x", "http://[", "base1/4.png"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["large", "small", "id", "name"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
keys = st.sampled_from(
    ["card_id", "id", "file", "files", "images", "set", "name", "view", "number", "image", "lang"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(keys, values, max_size=6) | values, max_size=4))
def test_whatever_the_document_says_the_answer_is_references_or_an_input_error(tmp_path_factory, document):
    folder = tmp_path_factory.getbasetemp() / "json"
    folder.mkdir(exist_ok=True)
    (folder / "a.png").write_bytes(b"picture")
    try:
        references = read_source(write(folder / "cards.json", document))
    except InputError:
        return
    assert all(each.path.is_file() and each.card_id for each in references)
