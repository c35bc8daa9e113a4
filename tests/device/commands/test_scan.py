"""``cardscanner scan``: the JSON that scripts rely on, and what a person reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_scanner import CARD_H, CARD_W, FRAME_H, FRAME_W, card_face, photo, table
from thumbnails import thumbnail_model

from cardscanner.manifest import load_database_manifest

STAGES = {"read", "find", "rectify", "embed", "search", "verify"}
AT = (200, 80)


def corners(x, y):
    """TL TR BR BL of a card that lies upright at (x, y); a point is the centre of a pixel."""
    left, top = x - 0.5, y - 0.5
    return np.array([[left, top], [left + CARD_W, top], [left + CARD_W, top + CARD_H], [left, top + CARD_H]])


def near(card, expected):
    return np.abs(np.array(card["quad"]) - expected).max() < 2.5


def two_cards():
    picture = photo(7, at=(40, 80))
    picture[:, 320:] = photo(8, at=(380, 80))[:, 320:]
    return picture


def test_the_json_of_a_picture_has_the_promised_shape_and_types(scan, save):
    path = save("photo.png")
    said = scan(path, "--json")
    assert (said.code, said.err) == (0, "")
    (document,) = said.lines()
    assert list(document) == ["image", "width", "height", "cards", "timings_ms"]
    assert (document["image"], document["width"], document["height"]) == (str(path), FRAME_W, FRAME_H)
    (card,) = document["cards"]
    assert list(card) == [
        "quad", "upside_down", "decision", "match", "card_id", "score", "margin", "check", "candidates",
    ]  # fmt: skip
    assert (card["match"], card["check"]) == ("exact", None)  # this database has no pictures
    assert [[type(value) for value in point] for point in card["quad"]] == [[float, float]] * 4
    assert card["upside_down"] is False
    assert card["decision"] == "match"
    assert card["card_id"] == "card-007"
    assert isinstance(card["score"], float)
    assert 0.9 < card["score"] <= 1
    assert isinstance(card["margin"], float)
    assert [list(each) for each in card["candidates"]] == [["card_id", "name", "score"]] * 5
    scores = [each["score"] for each in card["candidates"]]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == card["score"]
    assert set(document["timings_ms"]) == STAGES
    assert all(isinstance(value, float) and value >= 0 for value in document["timings_ms"].values())


def test_the_corners_begin_at_the_cards_own_top_left_and_go_clockwise(scan, save):
    upright, turned = save("upright.png"), save("turned.png", photo(7, turned=True))
    first, second = (document["cards"][0] for document in scan(upright, turned, "--json").lines())
    assert near(first, corners(*AT))
    assert near(second, np.roll(corners(*AT), 2, axis=0))
    assert (first["upside_down"], second["upside_down"]) == (False, True)
    assert first["card_id"] == second["card_id"] == "card-007"


def test_each_picture_is_one_line_in_the_order_given_with_all_its_cards(scan, save):
    pictures = [save("two.png", two_cards()), save("none.png", table()), save("one.png")]
    two, none, one = scan(*pictures, "--json").lines()
    assert [document["image"] for document in (two, none, one)] == [str(each) for each in pictures]
    assert sorted(each["card_id"] for each in two["cards"]) == ["card-007", "card-008"]
    assert none["cards"] == []
    assert set(none["timings_ms"]) == {"read", "find"}
    assert len(one["cards"]) == 1


def test_an_unknown_card_is_no_match_with_candidates_and_without_an_id(scan, save):
    (document,) = scan(save("unknown.png", photo(99)), "--json").lines()
    (card,) = document["cards"]
    assert (card["decision"], card["card_id"]) == ("no_match", None)
    assert len(card["candidates"]) == 5


@pytest.mark.parametrize("top", [1, 3, 14, 100])
def test_as_many_candidates_are_listed_as_asked_for_or_as_there_are(scan, save, scanner, top):
    cards = load_database_manifest(scanner.database).cards
    (document,) = scan(save("a.png"), "--json", top=top).lines()
    candidates = document["cards"][0]["candidates"]
    assert len({each["card_id"] for each in candidates}) == len(candidates) == min(top, cards)
    assert document["cards"][0]["margin"] > 0.1


STORED = {
    1: [], 2: ["FLIP_LEFT_RIGHT"], 3: ["ROTATE_180"], 4: ["FLIP_TOP_BOTTOM"], 5: ["TRANSPOSE"],
    6: ["ROTATE_90"], 7: ["TRANSVERSE"], 8: ["ROTATE_270"],
}  # fmt: skip
"""By EXIF orientation: how a camera that was turned stores what a viewer then shows upright."""


def test_quads_are_in_pixels_after_the_exif_rotation(scan, save):
    paths = []
    for orientation, moves in STORED.items():
        stored = Image.fromarray(photo(7))
        for move in moves:
            stored = stored.transpose(Image.Transpose[move])
        exif = Image.Exif()
        exif[0x0112] = orientation
        paths.append(save(f"{orientation}.jpg", np.asarray(stored), quality=95, exif=exif))
    documents = scan(*paths, "--json").lines()
    assert len(documents) == 8
    for document in documents:
        assert (document["width"], document["height"]) == (FRAME_W, FRAME_H)
        (card,) = document["cards"]
        assert (card["card_id"], card["upside_down"]) == ("card-007", False)
        assert near(card, corners(*AT))


def test_the_usual_formats_are_read_whatever_the_case_of_their_names(scan, save):
    paths = [
        save("a.PNG"),
        save("a.jpg"),
        save("a.Jpeg"),
        save("a.webp", quality=95),
        save("b.webp", lossless=True),
    ]
    documents = scan(*paths, "--json").lines()
    assert [document["cards"][0]["card_id"] for document in documents] == ["card-007"] * 5


def test_both_indexes_give_the_same_answer(scan, save):
    path = save("a.png")
    annoy, exact = (scan(path, "--json", index=index).lines()[0]["cards"] for index in ("annoy", "exact"))
    assert annoy == exact


def test_a_cropped_scan_is_a_card_only_when_asked(scan, save):
    path = save("crop.png", card_face(7))
    (document,) = scan(path, "--json").lines()
    assert [card["card_id"] for card in document["cards"] if near(card, corners(0, 0))] == []
    (whole,) = scan(path, "--json", "--whole").lines()
    assert [card["card_id"] for card in whole["cards"]] == ["card-007"]
    assert near(whole["cards"][0], corners(0, 0))


def test_whole_changes_nothing_where_a_card_is_found(scan, save):
    path = save("a.png")
    plain, whole = (scan(path, "--json", *more).lines()[0]["cards"] for more in ((), ("--whole",)))
    assert plain == whole


def test_a_folder_stands_for_the_pictures_in_it_by_name(scan, save, tmp_path):
    for name in ("b.png", "a.JPG", "c.webp", ".hidden.png", "deeper/d.png"):
        save(f"photos/{name}")
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    (tmp_path / "photos" / "folder.png").mkdir()
    said = scan(tmp_path / "photos", "--json")
    assert said.code == 0
    assert [document["image"] for document in said.lines()] == [
        str(tmp_path / "photos" / name) for name in ("a.JPG", "b.png", "c.webp")
    ]


def test_a_person_reads_one_line_for_the_picture_and_one_for_each_card(scan, save):
    pictures = [
        save("one.png", photo(7, turned=True)),
        save("none.png", table()),
        save("two.png", two_cards()),
    ]
    said = scan(*pictures)
    assert said.code == 0
    lines = said.out.splitlines()
    assert [line for line in lines if not line.startswith("  ")] == [
        f"{pictures[0]}: 1 card", f"{pictures[1]}: 0 cards", f"{pictures[2]}: 2 cards",
    ]  # fmt: skip
    assert lines[1].startswith("  match     card-007 ")
    assert lines[1].endswith(", upside down")
    assert "score 0.9" in lines[1]
    assert len(lines) == 6


def test_a_database_of_another_model_is_refused_before_anything_is_scanned(scan, save, tmp_path):
    other = thumbnail_model(tmp_path / "other", side=8)
    said = scan(save("a.png"), "--json", model=other)
    assert (said.code, said.out) == (65, "")
    assert "holds vectors of thumbnail-16 (768-d, made by thumbnail 16)" in said.err
    assert "the model is thumbnail 8 with thumbnail-8 (192-d)" in said.err
    assert "build the database with this model (cardscanner db build)" in said.err


@pytest.mark.parametrize("name", ["manifest.json", "vectors.npy", "index.ann", "cards.sqlite"])
def test_a_flipped_byte_in_the_database_is_refused_by_name(scan, save, scanner, tmp_path, name):
    damaged = shutil.copytree(scanner.database, tmp_path / "db")
    flip(damaged / name, b'"threshold": 0.')
    said = scan(save("a.png"), db=damaged)
    assert (said.code, said.out) == (65, "")
    assert str(damaged / name) in said.err


@pytest.mark.parametrize(
    ("name", "says"), [("model.onnx", "does not have the SHA-256 of its manifest"), ("manifest.json", "seal")]
)
def test_a_flipped_byte_in_the_model_is_refused_by_name(scan, save, scanner, tmp_path, name, says):
    damaged = shutil.copytree(scanner.model, tmp_path / "model")
    flip(damaged / name, b'"version": "1')
    said = scan(save("a.png"), model=damaged)
    assert (said.code, said.out) == (65, "")
    assert str(damaged / name) in said.err
    assert says in said.err


@pytest.mark.parametrize("option", ["db", "model"])
def test_a_folder_that_is_none_is_refused(scan, save, tmp_path, option):
    said = scan(save("a.png"), **{option: tmp_path / "nothing"})
    assert said.code == 65
    assert f"{tmp_path}/nothing/manifest.json is missing" in said.err


def test_a_model_that_was_not_compiled_for_the_chip_is_refused(scan, save, scanner):
    said = scan(save("a.png"), backend="hailo")
    assert (said.code, said.out) == (65, "")
    assert f"{scanner.model}/manifest.json lists no model.hef" in said.err


def flip(path, after):
    """Change one byte: in the middle of a file, or a digit in JSON, which stays well formed."""
    data = bytearray(path.read_bytes())
    place = data.index(after) + len(after) if path.suffix == ".json" else len(data) // 2
    data[place] = ord("1") if data[place] != ord("1") else ord("2")
    path.write_bytes(data)


def test_json_of_a_strange_file_name_is_still_json(scan, save):
    path = save('a "b" \\ ü\udcff.png')
    (document,) = scan(path, "--json").lines()
    assert json.loads(json.dumps(document["image"])) == str(path)


def test_the_documentation_names_every_field(scan, save):
    text = (Path(__file__).parents[3] / "docs" / "commands.md").read_text()
    (document,) = scan(save("a.png"), "--json").lines()
    (card,) = document["cards"]
    for field in (*document, *card, *card["candidates"][0], "error"):
        assert f'"{field}"' in text, field
    example = json.loads(text.split("```json\n")[1].split("```")[0])
    assert list(example) == list(document)
    assert list(example["cards"][0]) == list(card)
    assert set(example["timings_ms"]) == STAGES
