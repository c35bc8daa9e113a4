"""Records hold what they are given and cannot be changed."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from cardscanner.records import Candidate, Card, Frame, Quad, Verdict


def verdict(decision) -> Verdict:
    return Verdict(decision, 0.9, 0.5, (Candidate(Card("a", "A", 1), 0.9), Candidate(Card("b", "B", 2), 0.4)))


def test_a_verdict_names_its_card_only_when_it_is_a_match():
    assert verdict("match").card == Card("a", "A", 1)
    assert verdict("ambiguous").card is None
    assert verdict("no_match").card is None


@pytest.mark.parametrize(
    "record",
    [
        Frame(np.zeros((2, 2, 3), np.uint8), 1, 2, "top"),
        Quad(np.zeros((4, 2), np.float32), 0.5),
        Card("a", "A", 1),
    ],
)
def test_records_cannot_be_changed_and_take_no_further_fields(record):
    with pytest.raises((FrozenInstanceError, TypeError)):
        record.surprise = 1
    with pytest.raises(FrozenInstanceError):
        setattr(record, next(iter(record.__slots__)), None)


def test_records_with_arrays_are_compared_by_identity():
    one = Quad(np.zeros((4, 2), np.float32), 0.5)
    other = Quad(np.zeros((4, 2), np.float32), 0.5)
    assert one != other
    assert len({one, other, one}) == 2


def test_cards_do_not_share_their_metadata():
    assert Card("a", "A", 1).metadata is not Card("b", "B", 2).metadata
