"""Exactly one event for each presented card."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tabletop import Tabletop, units

LEFT, RIGHT = (50.0, 80.0), (400.0, 90.0)


def test_a_card_that_lies_there_for_a_minute_is_one_event():
    table = Tabletop()
    table.show(60, 7)
    assert table.reported() == ["c7"]


def test_an_event_comes_within_a_second_and_names_the_first_sighting():
    table = Tabletop()
    table.nothing(1)
    begun = table.now_ns
    table.show(1, 7)
    event = table.events[0]
    assert event.decided_ns - begun <= 0.5e9
    assert event.first_ns == begun + table.step_ns
    assert event.frames == table.config.min_frames


def test_taking_a_card_away_and_putting_it_back_is_a_new_event():
    table = Tabletop()
    for _ in range(3):
        table.show(2, 7)
        table.nothing(1.2)
    assert table.reported() == ["c7"] * 3


def test_an_outline_that_is_lost_for_half_a_second_is_no_new_event():
    table = Tabletop()
    for _ in range(5):
        table.show(1, 7)
        table.nothing(0.5)
    assert table.reported() == ["c7"]


def test_two_cards_side_by_side_are_two_events():
    table = Tabletop()
    table.show(3, 3, 4, at=(LEFT, RIGHT))
    assert sorted(table.reported()) == ["c3", "c4"]


def test_two_copies_of_one_card_side_by_side_are_two_events():
    table = Tabletop()
    table.show(1, 3, at=(LEFT,))
    table.show(3, 3, 3, at=(LEFT, RIGHT))
    assert table.reported() == ["c3", "c3"]


def test_a_card_pushed_over_the_table_is_one_event():
    table = Tabletop()
    for step in range(60):
        table.frame(table.view(5, (50.0 + 12 * step, 100.0)))
    assert table.reported() == ["c5"]


def test_a_card_that_jumps_to_another_place_within_the_patience_is_one_event():
    table = Tabletop()
    table.show(1, 5, at=(LEFT,))
    table.nothing(0.4)
    table.show(1, 5, at=(RIGHT,))
    assert table.reported() == ["c5"]


def test_a_card_whisked_away_while_its_outline_breaks_up_is_one_event():
    """It jumps further than any overlap, is too poor to be named in one view, and leaves."""
    table = Tabletop(seed=5)
    table.show(2, 5, at=(LEFT,))
    table.frame(table.view(5, (250.0, 90.0), noise=2.2))
    table.frame(table.view(5, (255.0, 92.0), noise=1.0))
    table.nothing(3)
    assert table.reported() == ["c5"]


def test_a_copy_shown_while_the_first_is_briefly_lost_is_reported_when_both_are_seen():
    table = Tabletop()
    table.show(1, 5, at=(LEFT,))
    table.show(0.4, 5, at=(RIGHT,))
    table.show(1, 5, 5, at=(LEFT, RIGHT))
    assert table.reported() == ["c5", "c5"]


def test_a_card_laid_on_top_of_another_is_a_new_event_without_any_pause():
    table = Tabletop()
    table.show(2, 5)
    table.show(2, 6)
    table.show(2, 7)
    assert table.reported() == ["c5", "c6", "c7"]


def test_a_card_that_comes_to_light_when_the_one_on_it_is_taken_away_is_no_new_event():
    table = Tabletop()
    for card in (5, 6, 7):
        table.show(2, card)
    for card in (6, 5):
        table.show(2, card)
    assert table.reported() == ["c5", "c6", "c7"]


def test_a_card_comes_to_light_as_it_lay_although_its_last_outline_was_cut_by_the_card_above():
    table = Tabletop()
    table.show(2, 5)
    table.show(0.2, 5, at=((112.0, 96.0),))
    table.show(2, 6)
    table.show(2, 5)
    assert table.reported() == ["c5", "c6"]


def test_a_card_pushed_off_another_is_followed_and_the_lower_one_is_no_new_event():
    table = Tabletop()
    table.show(2, 5)
    table.show(2, 6)
    for step in range(1, 20):
        lower = [table.view(5)] if step > 3 else []
        table.frame(*lower, table.view(6, (100.0 + 12 * step, 100.0)))
    table.show(1, 5)
    assert table.reported() == ["c5", "c6"]


def test_a_card_that_slides_over_another_and_is_taken_away_lets_the_lower_one_come_to_light():
    table = Tabletop()
    table.show(2, 5)
    for step in range(20, -1, -1):
        lower = [table.view(5)] if step > 6 else []
        table.frame(*lower, table.view(6, (100.0 + 12 * step, 100.0)))
    table.show(2, 6)
    table.show(2, 5)
    assert table.reported() == ["c5", "c6"]


def test_a_lower_card_that_comes_to_light_slowly_is_not_reported_before_its_outline_shows():
    table = Tabletop()
    table.show(2, 5)
    table.show(2, 6)
    for step in range(8):
        table.frame(table.view(5, (100.0 + 3 * (7 - step), 100.0)))
    table.show(1, 5)
    assert table.reported() == ["c5", "c6"]


def test_another_copy_laid_on_a_pile_is_a_new_event_because_it_lies_a_little_differently():
    table = Tabletop()
    table.show(2, 5)
    table.show(2, 6, at=((104.0, 97.0),))
    table.show(2, 5, at=((96.0, 107.0),))
    assert table.reported() == ["c5", "c6", "c5"]


def test_a_card_put_back_exactly_where_it_lay_after_the_place_was_empty_is_a_new_event():
    table = Tabletop()
    table.show(2, 5)
    table.show(2, 6)
    table.nothing(1.2)
    table.show(2, 5)
    assert table.reported() == ["c5", "c6", "c5"]


def test_single_wrong_frames_do_not_make_a_card_a_new_one():
    table = Tabletop()
    for number in range(60):
        table.show(0.1, 6 if number % 10 == 9 else 5)
    assert table.reported() == ["c5"]


def test_an_unknown_card_is_no_event():
    table = Tabletop()
    table.show(10, None)
    assert table.reported() == []


def test_an_unknown_card_is_one_no_match_when_asked_for():
    table = Tabletop(report_no_match=True)
    table.show(10, None)
    table.nothing(2)
    assert table.reported() == ["-"]


def test_a_known_card_after_an_unknown_one_in_the_same_place_is_reported():
    table = Tabletop(report_no_match=True)
    table.show(3, None)
    table.show(3, 9)
    assert table.reported() == ["-", "c9"]


def test_a_card_recognised_after_it_was_reported_unknown_stays_one_event():
    """Glare moves off a card: the views resemble each other more than any of them the reference."""
    table = Tabletop(report_no_match=True, max_frames=4)
    glare = units(table.rng, 1)[0]
    table.show(2, 9, noise=0.2, spoilt=4 * glare)
    assert table.reported() == ["-"]
    table.show(2, 9, noise=0.2, spoilt=1.5 * glare)
    assert table.decider._judge(table.view(9, noise=0.2, spoilt=1.5 * glare).neighbours).decision == "match"
    assert table.reported() == ["-"]


def test_a_glimpse_of_one_frame_is_no_event():
    table = Tabletop()
    table.show(0.1, 5)
    table.nothing(3)
    assert table.reported() == []


def test_a_card_shown_for_two_frames_only_is_not_lost():
    table = Tabletop()
    table.show(0.2, 5, noise=0.2)
    table.nothing(3)
    assert table.reported() == ["c5"]


def test_prints_that_look_the_same_are_one_ambiguous_event_that_lists_them():
    table = Tabletop(twins=2)
    table.show(5, 0)
    assert table.reported() == ["?"]
    candidates = [each.card.card_id for each in table.events[0].verdict.candidates]
    assert set(candidates[:3]) == {"c0", "c1", "c2"}


def test_views_that_are_too_poor_alone_are_enough_together():
    table = Tabletop(seed=3, max_frames=12)
    singles = [table.decider._judge(table.view(5, noise=1.9).neighbours).decision for _ in range(50)]
    assert singles.count("match") < 25
    table.show(2, 5, noise=1.9)
    assert table.reported() == ["c5"]


def test_a_frame_inside_the_card_is_not_a_second_card():
    table = Tabletop()
    for _ in range(30):
        whole, inner = table.view(5, (100.0, 100.0)), table.view(5, (115.0, 115.0), size=70, noise=0.8)
        table.frame(whole, inner)
    assert table.reported() == ["c5"]


def test_a_lost_camera_makes_no_second_event_of_a_card_that_lies_still():
    table = Tabletop()
    table.show(2, 5)
    table.frame(skip_s=30)
    table.show(2, 5)
    assert table.reported() == ["c5"]


def test_a_hand_over_the_edge_hides_the_outline_but_not_the_card():
    table = Tabletop()
    table.show(1, 5)
    for _ in range(40):
        table.frame(hidden=[(5, (100.0, 100.0))])
    table.show(1, 5)
    assert table.reported() == ["c5"]


def test_a_piece_of_the_card_that_is_found_under_a_hand_does_not_move_the_card():
    table = Tabletop()
    table.show(1.0, 3)
    table.frame(table.view(None, at=(100.0, 150.0), size=80.0))
    for _ in range(30):
        table.frame(hidden=[(3, (100.0, 100.0))])
    table.show(1.0, 3)
    assert table.reported() == ["c3"]


def test_a_card_under_a_hand_for_longer_than_the_patience_counts_as_gone():
    table = Tabletop()
    table.show(1, 5)
    table.nothing(table.config.gone_s + 0.3)
    table.show(1, 5)
    assert table.reported() == ["c5", "c5"]


def test_the_configuration_overrides_the_threshold_of_the_database():
    table = Tabletop(threshold=0.99)
    table.show(3, 5)
    assert table.reported() == []


def test_events_carry_the_stage_times_of_the_deciding_frame():
    table = Tabletop()
    for _ in range(3):
        table.frame(table.view(5))
    assert table.events[0].latency_ms == {}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 39), st.floats(0.7, 3), st.floats(1.2, 2.5), st.booleans()),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 1000),
)
def test_any_sequence_of_presentations_is_reported_once_each_in_order(acts, seed):
    table = Tabletop(seed=seed)
    expected = []
    for card, lies_s, empty_s, second in acts:
        other = (card + 11) % 40
        for _ in range(round(lies_s * 10)):
            shown = [(card, LEFT), (other, RIGHT)] if second else [(card, LEFT)]
            seen = [each for each in shown if table.rng.random() > 0.15]  # the finder misses one in seven
            table.frame(*(table.view(name, place) for name, place in seen))
        table.nothing(empty_s)
        expected.append({f"c{card}", f"c{other}"} if second else {f"c{card}"})
    said = table.reported()
    for group in expected:
        assert set(said[: len(group)]) == group
        said = said[len(group) :]
    assert said == []


@pytest.mark.parametrize("fps", [4, 10, 30])
def test_the_frame_rate_does_not_change_the_number_of_events(fps):
    table = Tabletop(fps=fps)
    table.show(3, 5)
    table.nothing(1.5)
    table.show(3, 5)
    assert table.reported() == ["c5", "c5"]


def test_what_is_followed_can_be_watched_from_the_first_frame_until_it_is_gone():
    table = Tabletop()
    assert table.decider.outlines() == ()
    table.show(table.step_ns / 1e9, 7)
    [first] = table.decider.outlines()
    assert first.verdict is None or not first.reported
    table.show(1, 7)
    [outline] = table.decider.outlines()
    assert outline.reported
    assert outline.verdict.candidates[0].card.card_id == "c7"
    table.nothing(0.3)
    assert table.decider.outlines() == (), "nothing is drawn where nothing is seen"
