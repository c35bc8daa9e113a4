"""Drawn answers: outlines where the cards are, names beside them, the picture itself untouched."""

import numpy as np
import pytest

from cardscanner.draw import draw_answers
from cardscanner.errors import InputError
from cardscanner.pictures import read_picture
from cardscanner.records import Candidate, Card, Quad, Sighting, Verdict

CORNERS = np.array([[50, 60], [150, 60], [150, 200], [50, 200]], np.float32)


def answer(decision, corners=CORNERS, name="Bulbasaur") -> tuple[Sighting, Verdict]:
    candidates = (Candidate(Card("s1-1", name, 1), 0.9),)
    vector = np.array([1, 0], np.float32)
    return Sighting(Quad(corners, 0.9), False, vector, ()), Verdict(decision, 0.9, 0.5, candidates)


def drawn(tmp_path, *answers, size=(300, 260)):
    picture = np.full((*size, 3), 128, np.uint8)
    draw_answers(picture, answers, tmp_path / "out.png")
    assert (picture == 128).all()
    return read_picture(tmp_path / "out.png")


@pytest.mark.parametrize(("decision", "strongest"), [("match", 1), ("no_match", 0)])
def test_the_outline_has_the_colour_of_the_decision(tmp_path, decision, strongest):
    view = drawn(tmp_path, answer(decision))
    assert view.shape == (300, 260, 3)
    right_edge = view[130, 150].astype(int)
    assert right_edge.argmax() == strongest
    assert np.ptp(right_edge) > 80
    assert (view[130, 100] == 128).all()


def test_three_decisions_have_three_colours(tmp_path):
    colours = {tuple(drawn(tmp_path, answer(each))[130, 150]) for each in ("match", "ambiguous", "no_match")}
    assert len(colours) == 3


def test_the_dot_marks_the_top_left_of_the_upright_card(tmp_path):
    turned = np.roll(CORNERS, -2, axis=0)
    view = drawn(tmp_path, answer("match", turned))
    assert np.ptp(view[199, 147].astype(int)) > 80  # beside the line, inside the dot
    assert (view[63, 53] == 128).all()


def test_a_picture_without_cards_is_written_as_it_is(tmp_path):
    assert (drawn(tmp_path) == 128).all()


@pytest.mark.parametrize(
    "corners",
    [CORNERS - 5000, CORNERS + 5000, CORNERS * 0, CORNERS * 100 - 4000],
    ids=["far left", "far right", "a point", "around everything"],
)
def test_quads_outside_the_picture_are_no_error(tmp_path, corners):
    assert drawn(tmp_path, answer("match", corners.astype(np.float32))).shape == (300, 260, 3)


@pytest.mark.parametrize("size", [(1, 1), (8, 3000), (3000, 8)])
def test_pictures_of_any_shape_can_be_drawn_on(tmp_path, size):
    assert drawn(tmp_path, answer("ambiguous"), size=size).shape == (*size, 3)


def test_names_of_any_script_and_length_can_be_drawn(tmp_path):
    for name in ("Pokémon", "ピカチュウ", "x" * 500, ""):
        assert drawn(tmp_path, answer("match", name=name)).shape == (300, 260, 3)


@pytest.mark.parametrize(
    ("name", "looks_like"), [("Pokémon", "Pokemon"), ("Żubr", "Zubr"), ("喷火龙", "s1-1")]
)
def test_a_name_in_other_letters_is_drawn_legibly_and_not_as_question_marks(tmp_path, name, looks_like):
    """OpenCV would draw "?" for each byte; a name without any letter of ours leaves the card id."""
    assert (
        drawn(tmp_path, answer("match", name=name)) == drawn(tmp_path, answer("match", name=looks_like))
    ).all()


def test_a_card_named_like_its_id_is_not_named_twice(tmp_path):
    once, named = drawn(tmp_path, answer("match", name="s1-1")), drawn(tmp_path, answer("match", name="abcd"))
    written = [int((view != 128).any(axis=2).sum()) for view in (once, named)]
    assert written[0] < written[1]


def test_a_picture_too_large_for_its_format_says_which_to_take(tmp_path):
    with pytest.raises(InputError, match=r"17000 x 1 pixels are too many for \.webp: use \.png"):
        draw_answers(np.zeros((1, 17_000, 3), np.uint8), [], tmp_path / "out.webp")
    assert list(tmp_path.iterdir()) == []


def test_a_verdict_without_candidates_can_be_drawn(tmp_path):
    sighting, _ = answer("no_match")
    assert drawn(tmp_path, (sighting, Verdict("no_match", 0.0, 0.0, ()))).shape == (300, 260, 3)


@pytest.mark.parametrize("name", ["out.jpg", "out.PNG", "out.webp", "out", "new/folder/out.png"])
def test_the_ending_decides_the_format_and_folders_are_made(tmp_path, name):
    path = tmp_path / name
    draw_answers(np.full((40, 30, 3), 7, np.uint8), [], path)
    assert np.abs(read_picture(path).astype(int) - 7).max() <= 1
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["out.txt", "out.xyz", "out.json"])
def test_an_ending_that_is_no_picture_is_an_input_error(tmp_path, name):
    with pytest.raises(InputError, match=r"no picture format that can be written; use \.png or \.jpg"):
        draw_answers(np.zeros((4, 4, 3), np.uint8), [], tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "out.png").mkdir()
    for path in (tmp_path / "file" / "out.png", tmp_path / "out.png"):
        with pytest.raises(InputError, match="cannot be written"):
            draw_answers(np.zeros((4, 4, 3), np.uint8), [], path)
