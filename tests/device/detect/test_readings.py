"""What else a card could be, when its outline is not sure."""

import numpy as np

from cardscanner.detect.evidence import OFFSETS
from cardscanner.detect.judging import Judged
from cardscanner.detect.readings import other_readings

WHOLE = (100.0, 100.0, 300.0, 380.0)
UPPER = (100.0, 100.0, 300.0, 240.0)
LOWER = (100.0, 240.0, 300.0, 380.0)
BESIDE = (320.0, 100.0, 520.0, 380.0)


def judged(*boxes):
    """Quads from (left, top, right, bottom, score)."""
    corners = [[[a, b], [c, b], [c, d], [a, d]] for a, b, c, d, _ in boxes]
    return Judged(
        np.array(corners, np.float32).reshape(-1, 4, 2),
        np.array([each[4] for each in boxes], np.float32),
        np.zeros((len(boxes), 4, len(OFFSETS)), np.float32),
    )


def boxes(readings):
    return [(*each[0].tolist(), *each[2].tolist()) for each in readings]


def test_half_a_card_that_looks_best_brings_the_whole_card_along():
    found = judged((*UPPER, 0.6))
    (others,) = other_readings(found, judged((*UPPER, 0.6), (*WHOLE, 0.5)))
    assert boxes(others) == [WHOLE]


def test_two_halves_found_as_two_cards_both_bring_the_whole_card():
    found = judged((*UPPER, 0.6), (*LOWER, 0.55))
    pool = judged((*UPPER, 0.6), (*LOWER, 0.55), (*WHOLE, 0.5))
    assert [boxes(each) for each in other_readings(found, pool)] == [[WHOLE], [WHOLE]]


def test_an_outline_that_is_sure_stands_alone():
    found = judged((*WHOLE, 0.95))
    assert other_readings(found, judged((*WHOLE, 0.95), (*UPPER, 0.9))) == [[]]


def test_nearly_the_same_outline_is_no_other_reading():
    found = judged((*WHOLE, 0.6))
    assert other_readings(found, judged((*WHOLE, 0.6), (102.0, 99.0, 302.0, 381.0, 0.59))) == [[]]


def test_an_outline_far_worse_is_no_other_reading():
    found = judged((*UPPER, 0.6))
    assert other_readings(found, judged((*WHOLE, 0.2))) == [[]]


def test_a_row_that_holds_a_sure_card_is_no_reading_of_its_neighbour():
    row = (WHOLE[0], WHOLE[1], BESIDE[2], BESIDE[3])
    found = judged((*BESIDE, 0.95), (*WHOLE, 0.6))
    assert other_readings(found, judged((*BESIDE, 0.95), (*WHOLE, 0.6), (*row, 0.5))) == [[], []]


def test_a_card_elsewhere_is_no_other_reading():
    found = judged((*WHOLE, 0.6))
    assert other_readings(found, judged((*BESIDE, 0.6))) == [[]]


def test_two_other_readings_are_enough_and_the_best_come_first():
    found = judged((*WHOLE, 0.6))
    smaller = [(100.0, 100.0, 300.0, 380.0 - 45 * n, 0.5 - 0.01 * n) for n in (3, 1, 2)]
    (others,) = other_readings(found, judged(*smaller))
    assert [box[3] for box in boxes(others)] == [335.0, 290.0]


def test_nothing_found_has_no_readings():
    assert other_readings(judged(), judged()) == []
    assert other_readings(judged((*WHOLE, 0.6)), judged()) == [[]]
