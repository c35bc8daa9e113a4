"""What is missing, and what has been heard already."""

from hypothesis import given
from hypothesis import strategies as st

from cardscanner.listen.gaps import Gap, Gaps, Stream

BOX = Stream("box-1", "b3f0")
OTHER = Stream("box-2", "77aa")


def hear(gaps, *seqs, stream=BOX, now_s=0.0):
    return [gaps.hear(stream, seq, f"{stream.epoch}-{seq}", now_s) for seq in seqs]


def spans(gaps):
    return [(gap.stream.device, gap.first, gap.last) for gap in gaps.missing()]


def test_listening_begins_with_the_first_message_and_not_with_number_one():
    gaps = Gaps()
    assert hear(gaps, 41822, 41823) == [True, True]
    assert gaps.missing() == []


def test_a_repetition_is_dropped_and_changes_nothing():
    gaps = Gaps()
    assert hear(gaps, 5, 6, 5, 6) == [True, True, False, False]
    assert gaps.missing() == []


def test_what_is_skipped_is_missing_until_it_comes():
    gaps = Gaps()
    hear(gaps, 5, 9, now_s=3.0)
    assert gaps.missing() == [Gap(BOX, 6, 8, 3.0)]
    hear(gaps, 7)
    assert spans(gaps) == [("box-1", 6, 6), ("box-1", 8, 8)]
    hear(gaps, 6, 8)
    assert gaps.missing() == []


def test_every_device_is_counted_by_itself():
    gaps = Gaps()
    hear(gaps, 1, 3)
    hear(gaps, 1, 2, stream=OTHER)
    assert spans(gaps) == [("box-1", 2, 2)]


def test_a_new_epoch_of_a_device_we_know_begins_with_one():
    gaps = Gaps()
    hear(gaps, 100)
    hear(gaps, 3, stream=Stream("box-1", "new"))
    assert [(gap.stream.epoch, gap.first, gap.last) for gap in gaps.missing()] == [("new", 1, 2)]


def test_the_newest_match_tells_where_listening_begins():
    gaps = Gaps()
    gaps.exists(BOX, 10, 0.0)
    assert gaps.missing() == []
    hear(gaps, 13)
    assert spans(gaps) == [("box-1", 11, 12)]


def test_the_newest_match_tells_of_messages_that_nobody_heard():
    gaps = Gaps()
    hear(gaps, 10)
    gaps.exists(BOX, 12, 0.0)
    assert spans(gaps) == [("box-1", 11, 12)]


def test_the_newest_match_of_an_older_epoch_says_nothing():
    gaps = Gaps()
    hear(gaps, 10)
    gaps.exists(Stream("box-1", "older"), 500, 0.0)
    assert gaps.missing() == []


def test_what_is_given_up_is_expected_no_more_but_welcome():
    gaps = Gaps()
    hear(gaps, 1, 5)
    assert gaps.give_up(BOX, 2, 3) == 2
    assert spans(gaps) == [("box-1", 4, 4)]
    assert hear(gaps, 2) == [True]
    assert gaps.give_up(OTHER, 1, 9) == 0


def test_what_a_file_leaves_out_is_in_doubt_and_what_follows_it_is_not():
    gaps = Gaps()
    gaps.go_on(BOX, {4: "b3f0-4", 7: "b3f0-7"}, 0.0)
    hear(gaps, 10)
    assert [(gap.first, gap.last, gap.certain) for gap in gaps.missing()] == [(5, 6, False), (8, 9, True)]
    assert hear(gaps, 7) == [False]
    assert gaps.give_up(BOX, 1, 20) == 2
    assert gaps.missing() == []


def test_an_old_file_is_not_asked_for_from_its_beginning():
    gaps = Gaps()
    gaps.go_on(BOX, {1: "b3f0-1", 50_000: "b3f0-50000"}, 0.0)
    (gap,) = gaps.missing()
    assert gap.first >= 48_000


def test_an_absurd_number_is_survived():
    gaps = Gaps()
    hear(gaps, 1, 2**62)
    (gap,) = gaps.missing()
    assert gap.last - gap.first < 200_000


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60))
def test_missing_is_what_lies_below_the_highest_and_was_not_heard(seqs):
    gaps = Gaps()
    news = hear(gaps, *seqs)
    assert sum(news) == len(set(seqs))
    expected = set(range(seqs[0], max(seqs) + 1)) - set(seqs)
    found = {seq for gap in gaps.missing() for seq in range(gap.first, gap.last + 1)}
    assert found == expected
