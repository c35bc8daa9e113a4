"""What margin and second look together say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.accept import judge_checked, judge_prints, margin_of
from cardscanner.manifest import AcceptRule, VerifyRule
from cardscanner.records import Candidate, Card, Check

RULE = AcceptRule(
    threshold=0.3, print_gap=0.05, verify=VerifyRule(weight=0.5, threshold=0.5, print_lead=0.03)
)


def _print(number, cosine, look=None, lead=None, artwork=None):
    check = None if look is None else Check(look, 0.9, lead)
    return Candidate(Card(f"c{number}", "", number if artwork is None else artwork), cosine, number, check)


def _ids(verdict):
    return [each.card.card_id for each in verdict.candidates]


def test_a_doubtful_vector_is_believed_when_the_picture_agrees():
    prints = [_print(0, 0.5, 0.8), _print(1, 0.3, 0.2)]
    assert judge_prints(prints, RULE).decision == "no_match"
    verdict = judge_checked(prints, RULE)
    assert (verdict.decision, verdict.match, verdict.card.card_id) == ("match", "exact", "c0")
    assert verdict.check == prints[0].check


def test_a_confident_vector_is_not_believed_when_the_picture_disagrees():
    prints = [_print(0, 0.65, 0.1), _print(1, 0.3, 0.1)]
    assert judge_prints(prints, RULE).decision == "match"
    verdict = judge_checked(prints, RULE)
    assert (verdict.decision, verdict.match, verdict.card) == ("no_match", "none", None)


def test_the_look_rejects_the_nearest_artwork_but_does_not_choose_another():
    verdict = judge_checked([_print(0, 0.52, 0.1), _print(1, 0.5, 0.95), _print(2, 0.1, 0.1)], RULE)
    assert verdict.decision == "no_match"
    assert _ids(verdict) == ["c0", "c1", "c2"]


def test_prints_whose_cosines_are_close_are_told_by_the_lead():
    twins = [_print(0, 0.9, 0.9, -0.1, artwork=7), _print(1, 0.89, 0.9, 0.1, artwork=7), _print(2, 0.1, 0.1)]
    verdict = judge_checked(twins, RULE)
    assert (verdict.decision, verdict.card.card_id) == ("match", "c1")


def test_prints_without_enough_of_a_lead_are_told_by_cosines_that_lie_apart():
    twins = [_print(0, 0.9, 0.9, -0.02, artwork=7), _print(1, 0.6, 0.9, 0.02, artwork=7), _print(2, 0.1, 0.1)]
    verdict = judge_checked(twins, RULE)
    assert (verdict.decision, verdict.card.card_id) == ("match", "c0")


def test_prints_that_neither_look_nor_cosine_tells_are_ambiguous():
    twins = [
        _print(0, 0.9, 0.9, 0.02, artwork=7),
        _print(1, 0.88, 0.9, -0.02, artwork=7),
        _print(2, 0.1, 0.1),
    ]
    verdict = judge_checked(twins, RULE)
    assert (verdict.decision, verdict.match, verdict.card) == ("ambiguous", "artwork", None)
    assert _ids(verdict) == ["c0", "c1", "c2"]


def test_look_and_cosine_that_name_different_prints_leave_it_open():
    twins = [_print(0, 0.9, 0.9, -0.1, artwork=7), _print(1, 0.8, 0.9, 0.1, artwork=7), _print(2, 0.1, 0.1)]
    verdict = judge_checked(twins, RULE)
    assert (verdict.decision, verdict.match) == ("ambiguous", "artwork")
    assert _ids(verdict) == ["c1", "c0", "c2"]


@given(
    prints=st.lists(
        st.tuples(st.floats(0, 1), st.none() | st.floats(-1, 1), st.booleans()), min_size=2, max_size=7
    )
)
def test_a_named_print_is_one_that_a_witness_is_sure_of_and_no_witness_denies(prints):
    twins = sorted(
        (
            _print(number, cosine, 1.0 if looked else None, lead if looked else None, artwork=7)
            for number, (cosine, lead, looked) in enumerate(prints)
        ),
        key=lambda each: -each.score,
    )
    verdict = judge_checked(twins, RULE.model_copy(update={"threshold": -1.0}))
    if verdict.card is None:
        return
    named = verdict.candidates[0]
    by_vector = [each for each in twins if twins[0].score - each.score < RULE.print_gap]
    leads = {each.row: each.check.lead for each in twins if each.check and each.check.lead is not None}
    sure = {row for row, lead in leads.items() if lead >= RULE.verify.print_lead}
    assert by_vector == [named] or named.row in sure
    assert len(by_vector) > 1 or by_vector == [named]
    assert not sure or leads.get(named.row) == max(leads.values())


def test_a_print_that_was_not_looked_at_is_told_by_its_cosine():
    near = [
        _print(0, 0.9, 0.9, 0.2, artwork=7),
        _print(1, 0.88, 0.9, -0.2, artwork=7),
        _print(2, 0.87, artwork=7),
    ]
    assert judge_checked(near, RULE).decision == "ambiguous"
    far = [*near[:2], _print(2, 0.7, artwork=7)]
    assert judge_checked(far, RULE).card.card_id == "c0"


def test_prints_that_the_look_finds_neither_of_are_told_by_their_cosines():
    clear = [_print(0, 0.9, 0.9, artwork=7), _print(1, 0.8, 0.95, artwork=7), _print(2, 0.1, 0.1)]
    assert judge_checked(clear, RULE).card.card_id == "c0"
    close = [clear[0], _print(1, 0.86, 0.95, artwork=7), clear[2]]
    verdict = judge_checked(close, RULE)
    assert (verdict.decision, _ids(verdict)[:2]) == ("ambiguous", ["c0", "c1"])


def test_without_looks_or_without_a_rule_for_them_vectors_alone_decide():
    plain = [_print(0, 0.9), _print(1, 0.3)]
    assert judge_checked(plain, RULE) == judge_prints(plain, RULE)
    looked = [_print(0, 0.9, 0.1), _print(1, 0.3, 0.1)]
    bare = RULE.model_copy(update={"verify": None})
    assert judge_checked(looked, bare) == judge_prints(looked, bare)
    assert judge_checked([], RULE).decision == "no_match"


def test_the_evidence_at_the_threshold_is_enough():
    exactly = RULE.model_copy(update={"verify": VerifyRule(weight=0.5, threshold=0.625, print_lead=0.03)})
    prints = [_print(0, 0.5, 0.75), _print(1, 0.25, 0.0)]
    assert margin_of(0, prints, exactly) == 0.25
    assert judge_checked(prints, exactly).decision == "match"
    assert judge_checked([_print(0, 0.49, 0.75), prints[1]], exactly).decision == "no_match"


def test_the_margin_of_an_artwork_leaves_out_its_own_prints():
    prints = [_print(0, 0.9), _print(1, 0.8, artwork=0), _print(2, 0.5), _print(3, 0.3)]
    assert margin_of(0, prints, RULE) == pytest.approx(0.9 - 0.4)
    assert margin_of(2, prints, RULE) == pytest.approx(0.5 - (0.9 + 0.3) / 2)
