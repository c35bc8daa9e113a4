"""The accept rule: known or not, and which of the prints."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.accept import artwork_margin, judge
from cardscanner.manifest import AcceptRule
from cardscanner.records import Candidate, Card, Neighbour

RULE = AcceptRule(threshold=0.3, print_gap=0.05)


def gallery(*artworks: int):
    """Card number n is called cn and shows the given artwork; rows are cards."""
    cards = [Card(f"c{number}", f"name {number}", artwork) for number, artwork in enumerate(artworks)]
    return cards.__getitem__


def best_first(scores: dict[int, float]) -> list[Neighbour]:
    return [Neighbour(row, score) for row, score in sorted(scores.items(), key=lambda item: -item[1])]


def test_a_clear_leader_is_a_match():
    verdict = judge(best_first({0: 0.9, 1: 0.4, 2: 0.3}), gallery(0, 1, 2), RULE)
    assert verdict.decision == "match"
    assert verdict.card is not None
    assert verdict.card.card_id == "c0"
    assert verdict.score == 0.9
    assert verdict.margin == pytest.approx(0.9 - 0.35)


def test_a_crowd_without_a_leader_is_no_match_however_near_it_is():
    verdict = judge(best_first(dict.fromkeys(range(12), 0.95)), gallery(*range(12)), RULE)
    assert verdict.decision == "no_match"
    assert verdict.card is None
    assert verdict.margin == pytest.approx(0.0)
    assert len(verdict.candidates) == 5


def test_no_neighbours_is_no_match_with_nothing_to_show():
    verdict = judge([], gallery(), RULE)
    assert (verdict.decision, verdict.score, verdict.margin, verdict.candidates) == ("no_match", 0.0, 0.0, ())


def test_the_threshold_itself_is_enough():
    exactly = AcceptRule(threshold=0.5, print_gap=0.0)
    assert judge(best_first({0: 0.75, 1: 0.25}), gallery(0, 1), exactly).decision == "match"
    assert judge(best_first({0: 0.74, 1: 0.25}), gallery(0, 1), exactly).decision == "no_match"


def test_the_mean_runs_over_ranks_2_to_11_and_no_further():
    scores = {0: 0.9} | dict.fromkeys(range(1, 11), 0.5) | dict.fromkeys(range(11, 40), 0.1)
    assert judge(best_first(scores), gallery(*range(40)), RULE).margin == pytest.approx(0.4)


def test_the_ranks_are_those_of_the_rule():
    rule = AcceptRule(threshold=0.0, print_gap=0.0, first_rank=3, last_rank=4)
    verdict = judge(best_first({0: 0.9, 1: 0.8, 2: 0.5, 3: 0.3, 4: 0.0}), gallery(0, 1, 2, 3, 4), rule)
    assert verdict.margin == pytest.approx(0.9 - 0.4)


def test_fewer_artworks_than_ranks_are_compared_as_far_as_they_go():
    assert judge(best_first({0: 0.9, 1: 0.5}), gallery(0, 1), RULE).margin == pytest.approx(0.4)


def test_a_single_artwork_has_its_score_as_margin():
    verdict = judge(best_first({0: 0.9}), gallery(7), RULE)
    assert (verdict.decision, verdict.margin) == ("match", 0.9)


def test_a_reprint_cannot_cancel_its_twin():
    """Twins score alike; without collapsing them the margin would be halved."""
    scores = {0: 0.9, 1: 0.88, 2: 0.4, 3: 0.4}
    alone = judge(best_first({0: 0.9, 2: 0.4, 3: 0.4}), gallery(5, 5, 1, 2), RULE)
    twins = judge(best_first(scores), gallery(5, 5, 1, 2), RULE)
    assert twins.margin == pytest.approx(alone.margin)
    assert twins.decision == "ambiguous"


def test_reprints_far_enough_apart_are_told_apart():
    verdict = judge(best_first({0: 0.90, 1: 0.84, 2: 0.1}), gallery(5, 5, 1), RULE)
    assert verdict.decision == "match"
    assert verdict.card is not None
    assert verdict.card.card_id == "c0"


def test_reprints_exactly_one_gap_apart_are_told_apart():
    rule = AcceptRule(threshold=0.1, print_gap=0.25)
    assert judge(best_first({0: 0.75, 1: 0.5, 2: 0.0}), gallery(5, 5, 1), rule).decision == "match"
    assert judge(best_first({0: 0.75, 1: 0.51, 2: 0.0}), gallery(5, 5, 1), rule).decision == "ambiguous"


def test_without_a_gap_the_best_print_is_the_answer():
    rule = AcceptRule(threshold=0.1, print_gap=0.0)
    assert judge(best_first({0: 0.9, 1: 0.9, 2: 0.0}), gallery(5, 5, 1), rule).decision == "match"


def test_another_artwork_close_by_is_no_reason_to_doubt_the_print():
    """It lowers the margin; it is no print of this artwork."""
    verdict = judge(best_first({0: 0.9, 1: 0.89, 2: 0.0, 3: 0.0, 4: 0.0}), gallery(5, 6, 1, 2, 3), RULE)
    assert verdict.decision == "match"


def test_an_ambiguous_verdict_lists_the_doubtful_prints_first_and_all_of_them():
    scores = {0: 0.90, 1: 0.60, 2: 0.89, 3: 0.88, 4: 0.87, 5: 0.20, 6: 0.86}
    verdict = judge(best_first(scores), gallery(5, 9, 5, 5, 5, 2, 5), RULE, top=3)
    assert verdict.decision == "ambiguous"
    assert [each.card.card_id for each in verdict.candidates] == ["c0", "c2", "c3", "c4", "c6"]
    more = judge(best_first(scores), gallery(5, 9, 5, 5, 5, 2, 5), RULE, top=6)
    assert [each.card.card_id for each in more.candidates] == ["c0", "c2", "c3", "c4", "c6", "c1"]
    assert more.card is None


def test_several_views_of_one_card_count_once_by_the_best():
    cards = [Card("a", "A", 1), Card("a", "A", 1), Card("a", "A", 1), Card("b", "B", 2)]
    verdict = judge(best_first({0: 0.8, 1: 0.9, 2: 0.85, 3: 0.2}), cards.__getitem__, RULE)
    assert verdict.decision == "match"
    assert [(each.card.card_id, each.score) for each in verdict.candidates] == [("a", 0.9), ("b", 0.2)]
    assert verdict.margin == pytest.approx(0.7)


def test_no_more_candidates_are_listed_than_asked_for():
    neighbours = best_first({row: 0.9 - row / 20 for row in range(15)})
    for top in (1, 4, 50):
        assert len(judge(neighbours, gallery(*range(15)), RULE, top=top).candidates) == min(top, 15)


SCORES = st.sampled_from([round(0.05 * step, 2) for step in range(20)])
"""Coarse, so that many are equal."""
RULES = st.builds(
    lambda first, more, threshold, gap: AcceptRule(
        first_rank=first, last_rank=first + more, threshold=threshold, print_gap=gap
    ),
    st.integers(2, 4),
    st.integers(0, 8),
    st.floats(-0.5, 1),
    st.sampled_from([0.01, 0.05, 0.1, 0.3]),
)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4), SCORES), max_size=25),
    rule=RULES,
    dice=st.randoms(use_true_random=False),
)
def test_the_order_of_equal_neighbours_changes_nothing_that_counts(rows, rule, dice):
    """Rows are (card, artwork of the card, score); an index may list equal scores in any order."""
    artwork_of = {}
    for card, artwork, _ in rows:
        artwork_of.setdefault(card, artwork)
    cards = [Card(f"c{card}", "", artwork_of[card]) for card, _, _ in rows]
    first = best_first({row: score for row, (_, _, score) in enumerate(rows)})
    second = sorted(first, key=lambda each: (-each.cosine, dice.random()))
    one, two = (judge(each, cards.__getitem__, rule) for each in (first, second))
    assert one.margin == pytest.approx(two.margin, abs=1e-12)
    assert one.score == two.score
    if len({score for _, _, score in rows}) == len(rows):
        assert one == two
    best_artworks = {cards[each.row].artwork for each in first if each.cosine == one.score}
    if len(best_artworks) == 1:
        assert one.decision == two.decision


@settings(max_examples=300, deadline=None)
@given(scores=st.lists(st.floats(-1, 1), min_size=1, max_size=30), rule=RULES)
def test_a_verdict_is_consistent_with_itself(scores, rule):
    ordered = sorted(scores, reverse=True)
    verdict = judge(
        [Neighbour(row, score) for row, score in enumerate(ordered)],
        gallery(*[row // 2 for row in range(len(ordered))]),
        rule,
    )
    assert (verdict.decision == "no_match") == (verdict.margin < rule.threshold)
    assert verdict.score == ordered[0]
    assert verdict.candidates[0].score == ordered[0]
    assert (verdict.card is not None) == (verdict.decision == "match")
    listed = [each.score for each in verdict.candidates]
    assert listed == sorted(listed, reverse=True) or verdict.decision == "ambiguous"


@settings(max_examples=200, deadline=None)
@given(
    scores=st.lists(st.floats(-1, 1), min_size=2, max_size=30),
    reprints=st.lists(st.integers(0, 29), max_size=8),
)
def test_reprints_of_listed_artworks_never_change_the_margin(scores, reprints):
    ordered = sorted(scores, reverse=True)
    prints = [Candidate(Card(f"c{row}", "", row), score) for row, score in enumerate(ordered)]
    more = [
        Candidate(Card(f"r{n}", "", each % len(ordered)), ordered[each % len(ordered)])
        for n, each in enumerate(reprints)
    ]
    together = sorted([*prints, *more], key=lambda each: -each.score)
    assert artwork_margin(together, RULE) == pytest.approx(artwork_margin(prints, RULE), abs=1e-12)
