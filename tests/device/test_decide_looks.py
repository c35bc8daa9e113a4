"""When the decider looks again, and what it makes of it."""

from tabletop import RULE, Tabletop

from cardscanner.decide import Decider
from cardscanner.manifest import VerifyRule
from cardscanner.records import Candidate, Check

LOOKING = RULE.model_copy(update={"verify": VerifyRule(weight=1.0, threshold=1.2, print_lead=0.05)})


class Looks:
    """A second look that says what it is told, and remembers when it was asked."""

    def __init__(self, score, leads=()):
        self.score, self.leads = score, dict(leads)
        self.asked = []

    def __call__(self, picture, corners, prints):
        self.asked.append([each.card.card_id for each in prints[:5]])
        return tuple(
            Candidate(
                each.card, each.score, each.row, Check(self.score, 0.9, self.leads.get(each.card.card_id))
            )
            if place < 5
            else each
            for place, each in enumerate(prints)
        )


def _table(look, **options):
    table = Tabletop(**options)
    table.decider = Decider(table.config, LOOKING, table.cards.__getitem__, table.search, "test", look)
    return table


def test_a_card_is_looked_at_once_when_enough_views_are_there_and_reported():
    look = Looks(0.9)
    table = _table(look)
    table.show(3, 5)
    assert table.reported() == ["c5"]
    assert len(look.asked) == 1
    assert look.asked[0][0] == "c5"
    assert table.events[0].verdict.check.score == 0.9


def test_a_card_whose_picture_disagrees_is_not_reported_however_sure_the_vectors_are():
    table = _table(Looks(0.0))
    table.show(5, 5)
    assert table.reported() == []


def test_an_unknown_card_that_stays_is_looked_at_now_and_then_not_in_every_frame():
    look = Looks(0.1)
    table = _table(look)
    table.show(12, None)
    assert table.reported() == []
    assert 5 <= len(look.asked) <= 16  # of 120 frames


def test_an_unknown_card_is_reported_as_such_if_asked_after_the_last_look():
    look = Looks(0.1)
    table = _table(look, report_no_match=True)
    table.show(3, None)
    assert table.reported() == ["-"]
    assert len(look.asked) == 4


def test_prints_that_the_look_tells_apart_are_a_match_at_once():
    table = _table(Looks(0.9, {"c0": -0.2, "c1": 0.2, "c2": -0.3}), twins=2)
    table.show(1, 0)
    assert table.reported() == ["c1"]


def test_prints_that_no_look_tells_apart_are_ambiguous_after_all_patience():
    look = Looks(0.9, {"c0": 0.01, "c1": -0.01, "c2": -0.02})
    table = _table(look, twins=2)
    table.show(3, 0)
    assert table.reported() == ["?"]
    assert table.events[0].verdict.match == "artwork"
    assert len(look.asked) == 4
