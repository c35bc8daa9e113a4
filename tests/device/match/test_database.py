"""An open database: cards by row, rows by id."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from reference_databases import database_of, random_units

from cardscanner.errors import ArtifactError
from cardscanner.match import open_database
from cardscanner.match.card_store import StoredCard, open_cards, write_cards
from cardscanner.records import Card


@pytest.fixture
def database(tmp_path):
    opened = open_database(database_of(tmp_path / "db", random_units(50, 32), artworks=[0, 0, *range(1, 49)]))
    yield opened
    opened.close()


def test_rows_and_cards_point_at_each_other(database):
    for row in range(50):
        assert database.row_of(database.card_of(row).card_id) == row


def test_a_card_carries_what_the_table_said(database):
    card = database.card_of(3)
    assert (card.card_id, card.name, card.artwork, card.metadata) == ("card-3", "Card 3", 2, {"set": "one"})


def test_an_unknown_id_has_no_row(database):
    assert database.row_of("nobody") is None


@pytest.mark.parametrize("row", [-1, 50, 10**12])
def test_a_row_that_is_not_there_is_an_index_error(database, row):
    with pytest.raises(IndexError, match="50 rows"):
        database.card_of(row)


def test_rows_may_be_numpy_integers(database):
    assert database.card_of(np.int64(7)).card_id == "card-7"


def test_vectors_are_mapped_and_cannot_be_written(database):
    assert not database.vectors.flags.writeable
    assert isinstance(database.vectors.base, np.memmap)


def test_cards_can_be_asked_for_from_another_thread(database):
    found = []
    thread = threading.Thread(target=lambda: found.append(database.card_of(5).card_id))
    thread.start()
    thread.join()
    assert found == ["card-5"]


def test_closing_twice_is_harmless_and_a_closed_database_says_so(database):
    database.close()
    database.close()
    with pytest.raises(ArtifactError, match="cannot be read"):
        database.row_of("card-1")


def test_several_views_of_a_card_lead_to_it(tmp_path):
    cards = [
        StoredCard(0, Card("one", "One", 0), "1.png"),
        StoredCard(3, Card("two", "Two", 1), "2.png"),
        StoredCard(4, Card("three", "Three", 2), "3.png"),
    ]
    write_cards(tmp_path / "cards.sqlite", cards)
    store = open_cards(tmp_path / "cards.sqlite", rows=6)
    assert [store.card_of(row).card_id for row in range(6)] == ["one", "one", "one", "two", "three", "three"]
    assert store.row_of("three") == 4
    store.close()


def test_the_same_cards_give_the_same_bytes(tmp_path):
    cards = [StoredCard(row, Card(f"card {row}", "ü", row, {"set": "é"}), "x.png") for row in range(500)]
    write_cards(tmp_path / "a.sqlite", cards)
    write_cards(tmp_path / "b.sqlite", cards)
    assert (tmp_path / "a.sqlite").read_bytes() == (tmp_path / "b.sqlite").read_bytes()


def test_a_path_with_signs_that_mean_something_in_a_uri_can_be_opened(tmp_path):
    folder = database_of(tmp_path / "a ?b#c%20d", random_units(5, 32))
    assert open_database(folder).card_of(0).card_id == "card-0"


def test_a_card_table_of_a_newer_program_is_refused(tmp_path):
    import sqlite3

    path = tmp_path / "cards.sqlite"
    write_cards(path, [StoredCard(0, Card("one", "One", 0), "1.png")])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 3")
    connection.close()
    with pytest.raises(ArtifactError, match="schema 3"):
        open_cards(path, rows=1)


def test_the_depth_surely_holds_the_artworks_that_the_accept_rule_compares(database):
    # One artwork of two prints, the others of one: 2 + 9 * 1 rows may hold only ten artworks.
    assert database.depth == 12


def test_the_depth_is_never_more_than_there_are_rows(tmp_path):
    assert open_database(database_of(tmp_path / "db", random_units(4, 32))).depth == 4
