"""Figures from hand-made outcomes: counted honestly, in every group."""

from pathlib import Path

import numpy as np
import pytest

from cardscanner.records import Candidate, Card, Quad, Sighting, Verdict
from cardscanner_tools.photos.evaluation import Outcome
from cardscanner_tools.photos.figures import accepted, figures_of, groups, is_failure
from cardscanner_tools.photos.labels import LabelledCard

CORNERS = np.zeros((4, 2), np.float32)


def label(level="exact", exact=("a1",), art=("a2",), lang="en", tags=()) -> LabelledCard:
    ids = frozenset(exact) if level == "exact" else frozenset()
    known = frozenset((*exact, *art)) if level != "unknown" else frozenset()
    return LabelledCard("i", CORNERS, True, level, ids, known, lang, tuple(tags), True)


def outcome(labelled, answers=None, decision="match", hashes=None) -> Outcome:
    if answers is None:
        return Outcome(Path("p.jpg"), labelled, None, None, None, 0.0)
    candidates = tuple(Candidate(Card(card_id, "", 1), 0.9) for card_id in answers)
    sighting = Sighting(Quad(CORNERS, 1.0), False, np.zeros(2, np.float32), ())
    return Outcome(
        Path("p.jpg"), labelled, sighting, Verdict(decision, 0.9, 0.5, candidates), None, 0.8, hashes or {}
    )


OUTCOMES = [
    outcome(label(), ["a1", "b1"], hashes={8: ["a2"], 16: ["b1"]}),  # right print
    outcome(label(), ["a2", "a1"], hashes={8: ["b1"], 16: ["a1"]}),  # right art, other print
    outcome(label(), ["b1", "c1", "a1"], "no_match"),  # art at rank 3, rejected
    outcome(label(), ["b1", "a1"]),  # wrong and accepted
    outcome(label()),  # not found
    outcome(label("same_art"), ["a2"], "ambiguous"),  # right art
    outcome(label("unknown"), ["b1"], "no_match"),  # unknown, rejected
    outcome(label("unknown"), ["b1"], "ambiguous"),  # unknown, accepted
]


def test_rates_count_what_they_say():
    figures = figures_of(OUTCOMES)
    assert figures == {
        "cards": 8,
        "found": 0.875,
        "known": 6,
        "art_top1": 0.5,
        "art_top5": round(5 / 6, 4),
        "exact_cards": 5,
        "exact_top1": 0.2,
        "print_right": 0.2,
        "print_wrong": 0.4,
        "accepted_right": 0.5,
        "wrong_accepts": round(1 / 6, 4),
        "unknown": 2,
        "false_accepts": 0.5,
        "phash64_art_top1": round(1 / 6, 4),
        "phash256_art_top1": round(1 / 6, 4),
    }


def test_a_group_without_cards_has_no_rates():
    figures = figures_of([])
    assert figures["cards"] == 0
    assert figures["found"] is None
    assert figures["false_accepts"] is None


def test_known_cards_alone_have_no_false_accepts_and_unknown_ones_no_hits():
    assert figures_of(OUTCOMES[:5])["false_accepts"] is None
    assert figures_of(OUTCOMES[6:])["art_top1"] is None


@pytest.mark.parametrize(
    ("case", "word"),
    [
        (OUTCOMES[0], None),
        (OUTCOMES[1], "right artwork, other print"),
        (OUTCOMES[2], "wrong, rejected"),
        (OUTCOMES[3], "wrong accept"),
        (OUTCOMES[4], "not found"),
        (OUTCOMES[5], None),
        (OUTCOMES[6], None),
        (OUTCOMES[7], "false accept"),
        (outcome(label(), ["a1"], "no_match"), "right, rejected"),
        (outcome(None, ["b1"]), "accepted where no card is labelled"),
        (outcome(None, ["b1"], "no_match"), None),
    ],
)
def test_a_failure_is_told_in_a_word(case, word):
    assert is_failure(case) == word


def test_a_sighting_without_any_candidate_is_a_miss_and_no_crash():
    empty = outcome(label(), [], "no_match")
    assert figures_of([empty])["exact_top1"] == 0.0
    assert is_failure(empty) == "wrong, rejected"
    assert not accepted(empty)


def test_cards_stand_in_the_group_of_their_language_and_of_each_tag():
    japanese = outcome(label(lang="ja", tags=("glare", "sleeve")), ["a1"])
    english = outcome(label(lang="en", tags=("glare",)), ["b1"])
    found = groups([japanese, english, outcome(None, ["b1"])])
    assert list(found) == ["lang en", "lang ja", "tag glare", "tag sleeve"]
    assert found["tag glare"] == [japanese, english]
    assert found["tag sleeve"] == [japanese]


def test_hashes_that_were_not_computed_are_misses():
    assert figures_of([outcome(label(), ["a1"])])["phash64_art_top1"] == 0.0
    assert figures_of([outcome(label(), ["a1"], hashes={8: [], 16: []})])["phash64_art_top1"] == 0.0
