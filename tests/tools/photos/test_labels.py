"""Labels of photographs: read from small tables written here, mistakes named."""

import csv

import numpy as np
import pytest

from cardscanner.errors import InputError
from cardscanner_tools.photos.labels import read_not_cards, read_photos

ROW = {
    "item": "i1",
    "file": "photos/a.jpg",
    "quad": "1 2 30 2 30 40 1 40",
    "quad_annotated": "",
    "level": "exact",
    "card_ids": "s1-1",
    "same_art_ids": "s2-9 s3-4",
    "lang": "en",
    "tags": "glare,sleeve",
    "use_for_recognition": "1",
}


def write(folder, *rows, name="photos.csv", columns=None):
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns or list(rows[0]), extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
    return folder


def test_a_labelled_card_has_everything_of_its_row(tmp_path):
    (photo,) = read_photos(write(tmp_path, ROW))
    (card,) = photo.cards
    assert photo.path == tmp_path / "photos/a.jpg"
    np.testing.assert_array_equal(card.corners, [[1, 2], [30, 2], [30, 40], [1, 40]])
    assert card.corners.dtype == np.float32
    assert (card.item, card.level, card.lang, card.tags) == ("i1", "exact", "en", ("glare", "sleeve"))
    assert card.card_ids == {"s1-1"}
    assert card.art_ids == {"s1-1", "s2-9", "s3-4"}
    assert card.oriented
    assert card.for_recognition


def test_a_card_of_which_only_the_art_is_known_has_no_exact_answer(tmp_path):
    (photo,) = read_photos(
        write(tmp_path, ROW | {"level": "same_art", "card_ids": "s1-1", "lang": "", "tags": ""})
    )
    (card,) = photo.cards
    assert card.card_ids == frozenset()
    assert card.art_ids == {"s1-1", "s2-9", "s3-4"}
    assert (card.lang, card.tags) == ("?", ())


def test_an_unknown_card_has_no_answer_at_all(tmp_path):
    row = ROW | {"level": "unknown", "card_ids": "", "same_art_ids": "", "use_for_recognition": "0"}
    (photo,) = read_photos(write(tmp_path, row))
    assert photo.cards[0].art_ids == frozenset()
    assert not photo.cards[0].for_recognition


def test_an_outline_without_a_direction_is_not_oriented(tmp_path):
    (photo,) = read_photos(write(tmp_path, ROW | {"quad": "", "quad_annotated": "0 0 9 0 9 9 0 9"}))
    assert not photo.cards[0].oriented


def test_cards_of_one_photo_are_together_and_photos_stay_in_order(tmp_path):
    rows = [
        ROW | {"file": "b.jpg"},
        ROW | {"file": "a.jpg", "item": "i2"},
        ROW | {"file": "b.jpg", "item": "i3"},
    ]
    photos = read_photos(write(tmp_path, *rows))
    assert [(photo.path.name, [card.item for card in photo.cards]) for photo in photos] == [
        ("b.jpg", ["i1", "i3"]),
        ("a.jpg", ["i2"]),
    ]


def test_a_photo_without_outlines_is_kept_without_cards(tmp_path):
    (photo,) = read_photos(write(tmp_path, ROW | {"quad": ""}))
    assert photo.cards == ()


@pytest.mark.parametrize(
    "quad", ["1 2 3", "a b c d e f g h", "1 2 30 2 30 40 1 nan", "1 2 30 2 30 40 1 40 5"]
)
def test_an_outline_that_is_none_names_its_item(tmp_path, quad):
    with pytest.raises(InputError, match=r"item i1: quad .*four corners"):
        read_photos(write(tmp_path, ROW | {"quad": quad}))


def test_an_unknown_level_names_the_allowed_ones(tmp_path):
    with pytest.raises(InputError, match="item i1: level 'sure'; allowed: exact, same_art, unknown"):
        read_photos(write(tmp_path, ROW | {"level": "sure"}))


@pytest.mark.parametrize("column", list(ROW))
def test_a_missing_column_is_named(tmp_path, column):
    with pytest.raises(InputError, match=rf"photos\.csv: the columns {column} are missing"):
        read_photos(write(tmp_path, ROW, columns=[each for each in ROW if each != column]))


def test_a_short_row_is_read_as_empty_cells(tmp_path):
    (tmp_path / "photos.csv").write_text(",".join(ROW) + "\ni1,a.jpg,0 0 9 0 9 9 0 9,,unknown\n")
    (photo,) = read_photos(tmp_path)
    assert (photo.cards[0].level, photo.cards[0].tags, photo.cards[0].lang) == ("unknown", (), "?")


def test_a_table_from_a_spreadsheet_with_a_byte_order_mark_is_read(tmp_path):
    text = write(tmp_path, ROW).joinpath("photos.csv").read_text()
    (tmp_path / "photos.csv").write_text("\ufeff" + text)
    assert len(read_photos(tmp_path)) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"item,file\n\x00"])
def test_what_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "photos.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"photos\.csv"):
        read_photos(tmp_path)


def test_a_missing_table_says_how_to_name_the_folder(tmp_path):
    with pytest.raises(InputError, match="--data"):
        read_photos(tmp_path / "none")


def test_pictures_without_cards_have_a_kind(tmp_path):
    rows = [{"file": "n/1.jpg", "kind": "object"}, {"file": "n/2.jpg", "kind": "playing_card"}]
    write(tmp_path, *rows, name="not_cards.csv")
    assert read_not_cards(tmp_path) == [
        (tmp_path / "n/1.jpg", "object"),
        (tmp_path / "n/2.jpg", "playing_card"),
    ]
