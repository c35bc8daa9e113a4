"""The demo's judge: what each event is worth against what was shown."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.demo.judge import LATE_S, Heard, Judge, Presentation, read_truth
from cardscanner.errors import InputError


def shown(card_id: str, from_s: float, to_s: float, way: str = "plain") -> Presentation:
    return Presentation(card_id, way, from_s, to_s)


class Subscriber:
    """Hears events with ids of their own."""

    def __init__(self, *presented: Presentation) -> None:
        self.judge = Judge(presented)
        self._count = 0

    def hears(self, at_s: float, card_id: str | None, event_id: str | None = None):
        self._count += 1
        card = {"card_id": card_id, "name": card_id} if card_id else None
        payload = {
            "id": event_id or f"e{self._count}",
            "card": card,
            "latency_ms": {"embed": float(self._count)},
        }
        return self.judge.mark(Heard(at_s, payload))

    def counts(self) -> tuple[int, int, int, int, int]:
        found = self.judge.summary()
        return tuple(found[key] for key in ("correct", "wrong", "missed", "duplicates", "false_events"))


def test_the_right_card_while_it_is_shown_is_correct():
    box = Subscriber(shown("a", 1, 3))
    assert box.hears(1.5, "a") == "correct"
    assert box.counts() == (1, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("at_s", "mark"), [(1.0, "correct"), (3.0 + LATE_S, "correct"), (0.99, "false"), (3.01 + LATE_S, "false")]
)
def test_an_event_may_come_a_little_late_but_never_early(at_s, mark):
    assert Subscriber(shown("a", 1, 3)).hears(at_s, "a") == mark


def test_another_card_is_wrong_and_the_shown_one_counts_as_reported():
    box = Subscriber(shown("a", 1, 3))
    assert box.hears(1.5, "b") == "wrong"
    assert box.hears(1.8, "a") == "duplicate"
    assert box.counts() == (0, 1, 0, 1, 0)


def test_saying_no_card_while_one_is_shown_is_wrong():
    box = Subscriber(shown("a", 1, 3))
    assert box.hears(2.0, None) == "wrong"


def test_the_same_card_again_is_a_duplicate():
    box = Subscriber(shown("a", 1, 3))
    assert [box.hears(at_s, "a") for at_s in (1.5, 2.0, 2.5)] == ["correct", "duplicate", "duplicate"]
    assert box.counts() == (1, 0, 0, 2, 0)


def test_a_repetition_with_the_same_id_is_allowed_and_not_counted():
    box = Subscriber(shown("a", 1, 3))
    assert box.hears(1.5, "a", "x") == "correct"
    assert box.hears(1.6, "a", "x") is None
    assert box.hears(99.0, "a", "x") is None
    assert box.counts() == (1, 0, 0, 0, 0)
    assert len(box.judge.marks) == 1


def test_an_event_while_nothing_is_shown_is_false():
    box = Subscriber(shown("a", 1, 3))
    assert box.hears(20, "a") == "false"
    assert box.hears(21, None) == "false"
    assert box.counts() == (0, 0, 1, 0, 2)


def test_a_card_without_an_event_is_missed():
    box = Subscriber(shown("a", 1, 3), shown("b", 5, 7))
    box.hears(5.5, "b")
    assert [each.card_id for each in box.judge.missed()] == ["a"]
    assert box.counts() == (1, 0, 1, 0, 0)


def test_taken_away_and_put_back_are_two_presentations():
    box = Subscriber(shown("a", 1, 3), shown("a", 4, 6))
    assert box.hears(1.5, "a") == "correct"
    assert box.hears(4.5, "a") == "correct"
    assert box.hears(5.0, "a") == "duplicate"
    assert box.counts() == (2, 0, 0, 1, 0)


def test_one_event_for_a_card_shown_twice_leaves_one_missed():
    box = Subscriber(shown("a", 1, 3), shown("a", 4, 6))
    assert box.hears(5.5, "a") == "correct"
    assert [each.from_s for each in box.judge.missed()] == [1]


def test_two_cards_at_once_are_two_events():
    box = Subscriber(shown("a", 1, 4), shown("b", 1.4, 4))
    assert [box.hears(at_s, card) for at_s, card in ((1.9, "a"), (2.4, "b"))] == ["correct", "correct"]
    assert box.counts() == (2, 0, 0, 0, 0)


def test_a_wrong_card_beside_a_right_one_takes_the_place_of_the_other():
    box = Subscriber(shown("a", 1, 4), shown("b", 1, 4))
    assert box.hears(2, "a") == "correct"
    assert box.hears(2.1, "z") == "wrong"
    assert box.hears(2.2, "z") == "duplicate"
    assert box.counts() == (1, 1, 0, 1, 0)


def test_a_card_laid_on_another_is_a_presentation_of_its_own():
    box = Subscriber(shown("below", 0, 4.6), shown("above", 2.2, 4.6, "stack"))
    assert box.hears(0.7, "below") == "correct"
    assert box.hears(2.9, "above") == "correct"
    assert box.hears(4.0, "below") == "duplicate"
    assert box.counts() == (2, 0, 0, 1, 0)


def test_the_summary_has_the_median_of_every_stage():
    box = Subscriber(shown("a", 1, 3))
    for at_s in (1.2, 1.4, 1.6, 1.8):
        box.hears(at_s, "a")
    summary = box.judge.summary()
    assert summary["stage_ms"] == {"embed": 2.5}
    assert list(summary) == [
        "presented",
        "correct",
        "wrong",
        "missed",
        "duplicates",
        "false_events",
        "stage_ms",
    ]


def test_a_film_without_events_has_no_stages():
    assert Subscriber(shown("a", 1, 3)).judge.summary()["stage_ms"] == {}


TIMES = st.floats(0, 30)
CARDS = st.sampled_from("abcd")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(CARDS, TIMES, st.floats(0.1, 5)), max_size=8),
    st.lists(st.tuples(TIMES, st.none() | CARDS), max_size=15),
)
def test_every_event_gets_one_mark_and_every_presentation_is_reported_once_or_missed(presented, heard):
    box = Subscriber(*(shown(card, start, start + length) for card, start, length in presented))
    for at_s, card in heard:
        assert box.hears(at_s, card) is not None
    correct, wrong, missed, duplicates, false = box.counts()
    assert correct + wrong + duplicates + false == len(heard)
    assert correct + wrong + missed == len(presented)


def test_the_truth_of_a_film_is_read(tmp_path):
    path = tmp_path / "truth.json"
    path.write_text(
        json.dumps({"fps": 10, "shown": [{"card_id": "a", "way": "plain", "from_s": 1.0, "to_s": 2.5}]})
    )
    assert read_truth(path) == [shown("a", 1.0, 2.5)]


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"shown": 3}', '{"shown": [1]}', '{"shown": [{"card_id": "a"}]}', "\xff",
     '{"shown": [{"card_id": "a", "way": "plain", "from_s": "soon", "to_s": 2}]}',
     '{"shown": [{"card_id": "a", "way": "plain", "from_s": 1, "to_s": null}]}',
     '{"shown": [{"card_id": "a", "way": "plain", "from_s": 1, "to_s": 2, "more": 3}]}'],
)  # fmt: skip
def test_what_is_no_truth_is_refused_with_the_way_to_make_one(tmp_path, content):
    path = tmp_path / "truth.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match="not the truth of a film"):
        read_truth(path)


def test_a_film_without_its_truth_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.json"):
        read_truth(tmp_path / "none.json")
