"""Reading the collector number: only when it is needed, where it is, and from the real Tesseract."""

from dataclasses import replace

import numpy as np
import pytest
from verify_cards import CALM, candidates, scene, stored_pictures

from cardscanner.accept import judge_checked
from cardscanner.errors import ConfigError
from cardscanner.manifest import AcceptRule, VerifyRule
from cardscanner.match.captures import simulate_scene
from cardscanner.records import Candidate, Card
from cardscanner.verify.reading import ReadingVerifier, read_number
from cardscanner.verify.strip import DIGIT, LEAST_DIGIT_PX, number_strip
from cardscanner.verify.tesseract import open_tesseract
from cardscanner.verify.verifier import Verifier
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue

RULE = AcceptRule(threshold=0.3, print_gap=0.02, verify=VerifyRule(weight=1.0, threshold=0.5, print_lead=0.5))
FRAME = replace(catalogue(5, seed=31)[0], number=58, set_size=102)
"""A card with dark letters on a light frame."""
PRINTS = (FRAME, replace(FRAME, number=17, set_size=164))


class Says:
    """A reader that says what it is told, and counts."""

    def __init__(self, text):
        self.says, self.asked = text, []

    def text(self, picture):
        self.asked.append(picture.shape)
        return self.says

    def close(self):
        pass


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    faces = [render_card(each, 460) for each in (*PRINTS, *catalogue(60, seed=12)[50:55])]
    stored = stored_pictures(tmp_path_factory.mktemp("reading"), faces, [[0, 1]])
    yield stored
    stored.close()


@pytest.fixture(scope="module")
def tesseract():
    pytest.importorskip("tesserocr", reason="the extra `ocr` is not installed")
    try:
        reader = open_tesseract()
    except ConfigError as error:
        pytest.skip(str(error))
    yield reader
    reader.close()


def _captured(number, high=1000):
    """A card of this height before a calm camera."""
    return simulate_scene(
        render_card(PRINTS[number], high), CALM, np.random.default_rng(4), round(high * 0.55)
    )


def _asked(*numbers):
    found = candidates(0, 1, 2, artworks={0: 0, 1: 0}, step=0.005)
    return [
        Candidate(Card(each.card.card_id, "", each.card.artwork, {"number": number}), each.score, each.row)
        for each, number in zip(found, numbers, strict=True)
    ]


def _verdict(pictures, reader, made, rule=RULE, numbers=("58/102", "17/164", "3/99")):
    looked = ReadingVerifier(Verifier(pictures), reader, rule).checked(
        made.picture, made.corners, _asked(*numbers)
    )
    return judge_checked(looked, rule)


def test_the_number_decides_where_the_second_look_does_not(pictures):
    verdict = _verdict(pictures, Says("Illus. 17/164"), _captured(1))
    assert (verdict.decision, verdict.match, verdict.card.card_id) == ("match", "exact", "card-1")
    assert verdict.check.number == "17/164"


@pytest.mark.parametrize("text", ["", "Illus. Nobody", "99/100", "58/102 17/164", "58/164"])
def test_what_names_no_print_leaves_the_answer_ambiguous(pictures, text):
    verdict = _verdict(pictures, Says(text), _captured(0))
    assert (verdict.decision, verdict.match) == ("ambiguous", "artwork")


def test_prints_with_one_number_stay_ambiguous(pictures):
    assert _verdict(pictures, Says("4/102"), _captured(0), numbers=("4", "4", "4")).decision == "ambiguous"


def test_nothing_is_read_when_the_second_look_tells_the_prints(pictures):
    told = RULE.model_copy(update={"verify": RULE.verify.model_copy(update={"print_lead": 0.0})})
    reader = Says("17/164")
    assert _verdict(pictures, reader, _captured(0), told).card.card_id == "card-0"
    assert reader.asked == []


def test_nothing_is_read_on_an_unknown_card(pictures):
    far = RULE.model_copy(update={"verify": RULE.verify.model_copy(update={"threshold": 9.0})})
    reader = Says("17/164")
    assert _verdict(pictures, reader, _captured(0), far).decision == "no_match"
    assert reader.asked == []


def test_a_card_that_is_too_small_is_not_read():
    reader = Says("17/164")
    made = scene(render_card(PRINTS[1], 460), 1, CALM, card_px=LEAST_DIGIT_PX / DIGIT * 0.7)
    assert number_strip(made.picture, made.corners) is None
    assert read_number(made.picture, made.corners, reader) is None
    assert reader.asked == []


@pytest.mark.parametrize("high", [600, 1000, 1400])
def test_every_card_is_read_at_one_size(high):
    made = _captured(0, high)
    strip = number_strip(made.picture, made.corners)
    assert strip.shape == (152, 904)
    assert strip.std() > 5


@pytest.mark.parametrize("number", [0, 1])
def test_tesseract_reads_the_number_of_a_card_in_a_picture(pictures, tesseract, number):
    verdict = _verdict(pictures, tesseract, _captured(number))
    assert verdict.match == "exact"
    assert verdict.card.card_id == f"card-{number}"
    assert verdict.check.number == ("58/102", "17/164")[number]


def test_tesseract_reads_nothing_on_an_empty_picture(tesseract):
    assert tesseract.text(np.full((152, 904), 200, np.uint8)).strip() == ""


def test_language_data_that_is_not_there_is_an_error_that_says_what_to_install(tmp_path, monkeypatch):
    pytest.importorskip("tesserocr", reason="the extra `ocr` is not installed")
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    with pytest.raises(ConfigError, match="tesseract-ocr-eng"):
        open_tesseract()


def test_damaged_language_data_is_an_error_that_names_the_folder(tmp_path, monkeypatch):
    pytest.importorskip("tesserocr", reason="the extra `ocr` is not installed")
    (tmp_path / "eng.traineddata").write_bytes(b"nothing of the kind")
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    with pytest.raises(ConfigError, match=str(tmp_path)):
        open_tesseract()
