"""The catalogue of invented cards: the same on every machine, with honest reprints."""

import pytest

from cardscanner_tools.render.catalogue import artwork_of, catalogue

CARDS = catalogue(600, 5)


def test_one_seed_is_one_catalogue_and_a_longer_one_begins_with_it():
    assert catalogue(600, 5) == CARDS
    assert catalogue(100, 6)[:100] != CARDS[:100]


@pytest.mark.parametrize("count", [0, 1, 59, 250])
def test_there_are_as_many_cards_as_asked(count):
    assert len(catalogue(count, 2)) == count


def test_ids_are_unique_and_say_set_and_number():
    assert len({card.card_id for card in CARDS}) == len(CARDS)
    for card in CARDS:
        assert card.card_id == f"{card.set_code}-{card.number}"
        assert 1 <= card.number <= card.set_size


def test_cards_of_a_set_share_its_symbol_and_a_few_frames():
    for code in {card.set_code for card in CARDS}:
        originals = [card for card in CARDS if card.set_code == code and card.reprint_of is None]
        assert len({card.symbol for card in originals}) == 1
        assert len({card.frame for card in originals}) <= 4


def test_reprints_share_art_name_and_text_and_nothing_else_does():
    by_id = {card.card_id: card for card in CARDS}
    reprints = [card for card in CARDS if card.reprint_of]
    assert len(reprints) > 30
    for card in reprints:
        first = by_id[card.reprint_of]
        assert first.reprint_of is None
        assert artwork_of(card) == artwork_of(first)
        assert (card.name, card.rules, card.points, card.element) == (
            first.name,
            first.rules,
            first.points,
            first.element,
        )
        assert (card.set_code, card.number) != (first.set_code, first.number)
    originals = [card for card in CARDS if card.reprint_of is None]
    assert len({artwork_of(card) for card in originals}) == len(originals)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_share_of_reprints_is_about_what_was_asked(share):
    found = sum(card.reprint_of is not None for card in catalogue(800, 3, share)) / 800
    assert abs(found - share) < 0.07


def test_some_reprints_keep_the_old_frame_and_some_do_not():
    by_id = {card.card_id: card for card in CARDS}
    kept = [card.frame == by_id[card.reprint_of].frame for card in CARDS if card.reprint_of]
    assert 0.2 < sum(kept) / len(kept) < 0.9
