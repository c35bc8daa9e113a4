"""Cards for people: found by name, set, number and id; small pictures."""

from __future__ import annotations

from contextlib import closing

import cv2
import numpy as np
import pytest

from cardscanner.manifest import load_database_manifest
from cardscanner.match.card_store import StoredCard, open_cards, write_cards
from cardscanner.match.catalogue import Catalogue, folded, open_catalogue
from cardscanner.records import Card
from cardscanner.shipped import shipped_database

CARDS = [
    ("base1-4", "Charizard", {"set": "Base", "number": "4", "lang": "en"}),
    ("base1-5", "Charmander", {"set": "Base", "number": "46", "lang": "en"}),
    ("ex-100", "Dark Charizard", {"set": "Team Rocket", "number": "4"}),
    ("sv-1", "Pokémon Center Lady", {"set": "Flashfire", "number": "93"}),
    ("jp-1", "リザードン", {"set": "ガンダム", "number": "006", "lang": "ja"}),
    ("odd-1", "100% = _Wild_ \\ [x]", {"set": "O'Hara", "number": "1"}),
]


@pytest.fixture
def catalogue(tmp_path):
    path = tmp_path / "cards.sqlite"
    write_cards(
        path, (StoredCard(row, Card(*each[:2], row, each[2]), "x.png") for row, each in enumerate(CARDS))
    )
    manifest = load_database_manifest(shipped_database())
    with closing(Catalogue(manifest, open_cards(path, len(CARDS)), None)) as found:
        yield found


def ids(catalogue, query, limit=10):
    return [each.card_id for each in catalogue.search(query, limit)]


def test_a_name_is_found_by_its_beginning_and_by_a_part_of_it_beginnings_first(catalogue):
    assert ids(catalogue, "char") == ["base1-4", "base1-5", "ex-100"]
    assert ids(catalogue, "izard") == ["base1-4", "ex-100"]


def test_case_and_accents_do_not_matter(catalogue):
    assert ids(catalogue, "POKEMON") == ids(catalogue, "pokémon") == ["sv-1"]


def test_voiced_kana_are_other_letters(catalogue):
    assert ids(catalogue, "リザード") == ["jp-1"]
    assert ids(catalogue, "リサート") == []
    assert folded("カ\u3099") == folded("ガ")


def test_every_word_has_to_be_found_somewhere(catalogue):
    assert ids(catalogue, "charizard rocket") == ["ex-100"]
    assert ids(catalogue, "rocket squirtle") == []


def test_an_id_or_number_that_is_meant_exactly_comes_first(catalogue):
    assert ids(catalogue, "ex-100") == ["ex-100"]
    assert ids(catalogue, "4")[:2] == ["base1-4", "ex-100"]


@pytest.mark.parametrize("query", ["100%", "_wild_", "\\", "[x]", "o'hara", '"', "' OR 1=1 --", "%"])
def test_signs_mean_themselves(catalogue, query):
    assert set(ids(catalogue, query)) <= {"odd-1"}
    assert ids(catalogue, "%") == ["odd-1"]


@pytest.mark.parametrize("query", ["", "   ", "\0", "zz " * 500])
def test_nothing_asked_is_nothing_found(catalogue, query):
    assert ids(catalogue, query) == []


def test_the_limit_holds(catalogue):
    assert len(ids(catalogue, "a", limit=2)) == 2


def test_a_card_is_found_by_its_id_alone(catalogue):
    assert catalogue.card("base1-4").name == "Charizard"
    assert catalogue.card("base1-44") is None
    assert catalogue.picture("base1-4") is None


def test_the_demo_database_has_a_small_picture_of_each_card():
    with closing(open_catalogue(shipped_database())) as demo:
        [card] = demo.search("", 1) or demo.search("e", 1)
        picture = cv2.imdecode(np.frombuffer(demo.picture(card.card_id), np.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture.shape == (336, 240)
        assert demo.picture("no such card") is None
