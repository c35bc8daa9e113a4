"""``cardscanner scan --draw``: where drawn answers go, and what is never written over."""

from __future__ import annotations

import numpy as np
import pytest
from small_scanner import photo, table

from cardscanner.pictures import read_picture


def colour_at_left_edge(picture):
    """The most colourful pixel near the left edge of the card at (200, 80), halfway down."""
    near = picture[234, 195:206].astype(int)
    return near[np.ptp(near, axis=1).argmax()]


@pytest.mark.parametrize("name", ["answer.png", "answer.JPG", "answer.webp", "new/folder/answer.jpeg"])
def test_one_picture_is_drawn_into_one_file(scan, save, tmp_path, name):
    path = save("photo.png")
    said = scan(path, draw=tmp_path / name)
    assert (said.code, said.err) == (0, "")
    drawn, plain = read_picture(tmp_path / name), read_picture(path)
    assert drawn.shape == plain.shape
    assert colour_at_left_edge(drawn).argmax() == 1  # a match is green
    assert np.ptp(colour_at_left_edge(drawn)) > 40


def test_no_match_is_drawn_in_red(scan, save, tmp_path):
    scan(save("photo.png", photo(99)), draw=tmp_path / "answer.png")
    assert colour_at_left_edge(read_picture(tmp_path / "answer.png")).argmax() == 0


def test_a_picture_without_cards_is_drawn_too(scan, save, tmp_path):
    assert scan(save("none.png", table()), draw=tmp_path / "answer.png").code == 0
    assert (read_picture(tmp_path / "answer.png") == table()).all()


def test_several_pictures_are_drawn_into_a_folder_under_their_names(scan, save, tmp_path):
    paths = [
        save("one.png"),
        save("two.jpg"),
        save("other/one.jpg"),
        save("other/ONE.webp"),
        save("none.png", table()),
    ]
    said = scan(*paths, "--json", draw=tmp_path / "answers")
    assert said.code == 0
    assert len(said.lines()) == 5
    drawn = {each.name for each in (tmp_path / "answers").iterdir()}
    assert drawn == {"one.png", "two.png", "one-2.png", "ONE-3.png", "none.png"}


def test_one_picture_can_be_drawn_into_a_folder(scan, save, tmp_path):
    (tmp_path / "there").mkdir()
    assert scan(save("one.png"), draw=tmp_path / "there").code == 0
    assert scan(save("one.png"), draw=tmp_path / "new").code == 0
    assert (tmp_path / "there" / "one.png").is_file()
    assert (tmp_path / "new" / "one.png").is_file()


def test_a_folder_of_pictures_is_drawn_into_a_folder(scan, save, tmp_path):
    save("photos/one.png")
    assert scan(tmp_path / "photos", draw=tmp_path / "answers").code == 0
    assert (tmp_path / "answers" / "one.png").is_file()
    said = scan(tmp_path / "photos", draw=tmp_path / "one.png")
    assert said.code == 2
    assert "several pictures need a folder" in said.err


@pytest.mark.parametrize("name", ["answer.txt", "answer.gif", "notes.txt", "notes"])
def test_a_place_that_is_neither_picture_nor_folder_is_refused_before_the_work(scan, save, tmp_path, name):
    for each in ("notes.txt", "notes"):
        (tmp_path / each).write_text("mine")
    said = scan(save("a.png"), "--json", draw=tmp_path / name)
    assert (said.code, said.out) == (2, "")
    assert f"--draw {tmp_path / name}: neither a folder nor a name in .png, .jpg" in said.err
    assert (tmp_path / "notes.txt").read_text() == (tmp_path / "notes").read_text() == "mine"


def test_several_pictures_need_a_folder(scan, save, tmp_path):
    said = scan(save("a.png"), save("b.png"), draw=tmp_path / "answer.png")
    assert (said.code, said.out) == (2, "")
    assert "several pictures need a folder" in said.err


def test_a_photo_is_never_written_over(scan, save, tmp_path):
    photos = [save("a.png"), save("b.jpg")]
    before = [each.read_bytes() for each in photos]
    for call in ([photos[0]], photos, [tmp_path]):
        said = scan(*call, draw=photos[0] if call == photos[:1] else tmp_path)
        assert (said.code, said.out) == (2, "")
        assert f"--draw would write over the picture {photos[0]}" in said.err
    assert [each.read_bytes() for each in photos] == before


def test_a_drawing_that_cannot_be_written_is_told_and_the_answers_stay(scan, save, tmp_path):
    """The line of a picture is its answer: a drawing that fails does not add a second line."""
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "one.png").mkdir()
    said = scan(save("one.png"), save("two.png"), "--json", draw=tmp_path / "answers")
    assert said.code == 1
    assert [list(document) for document in said.lines()] == [
        ["image", "width", "height", "cards", "timings_ms"]
    ] * 2
    assert said.err.startswith(f"cardscanner: {tmp_path}/answers/one.png: cannot be written")
    assert (tmp_path / "answers" / "two.png").is_file()


def test_a_picture_that_cannot_be_read_has_no_drawing(scan, save, tmp_path):
    said = scan(save("one.png"), tmp_path / "none.png", draw=tmp_path / "answers")
    assert said.code == 1
    assert [each.name for each in (tmp_path / "answers").iterdir()] == ["one.png"]
