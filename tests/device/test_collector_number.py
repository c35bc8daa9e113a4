"""Collector numbers: the print whose number was read is named, and never another one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.collector_number import listed_number, numbers_in, print_named


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Illus. Ken Sugimori 4/102 *", ["4/102"]),
        ("025/198 C", ["25/198"]),
        ("tg12/tg30", ["TG12/TG30"]),
        ("SWSH123 (c)2021", ["SWSH123"]),
        ("LOB-EN001", ["LOB-EN1"]),
        ("OP01-016", ["OP01-16"]),
        ("0123 NEO en", ["123"]),
        ("150a / 165", ["150A/165"]),
        ("4 / 102", ["4/102"]),
        ("1995 50 HP 120 30x weakness", []),
        ("1/2/3", []),
        ("4/102/7", []),
        ("", []),
    ],
)
def test_numbers_are_found_in_what_was_read(text, read):
    assert [str(each) for each in numbers_in(text)] == read


@pytest.mark.parametrize(
    ("read", "listed", "place"),
    [
        ("4/102", ["4/102", "17/130"], 0),
        ("17/130", ["4", "17"], 1),
        ("004/102", ["4", "17"], 0),
        ("TG12/TG30", ["12/30", "TG12"], 1),
        ("SWSH123", ["SWSH123", "123"], 0),
        ("SWSH123", ["SWSH124", "SWSH123"], 1),
        ("4/102", ["4/130", "4/102"], 1),
        ("4/102", ["4", "4"], None),
        ("4/102", ["4/130", "4/165"], None),
        ("4/102 17/130", ["4", "17"], None),
        ("4/102 9/64", ["4", "17"], None),
        ("9/64", ["4", "17"], None),
        ("4", ["4", "17"], None),
        ("4/102", ["4", None], None),
        ("4/102", ["4", "promo"], None),
        ("4/102 NO25", ["4", "17"], 0),
        ("", ["4", "17"], None),
    ],
)
def test_exactly_one_print_must_be_named_and_nothing_speak_against_it(read, listed, place):
    assert print_named(read, listed) == place


_LISTED = st.one_of(
    st.none(),
    st.integers(0, 400).map(str),
    st.tuples(st.integers(0, 400), st.integers(0, 400)).map(lambda pair: f"{pair[0]:03d}/{pair[1]}"),
    st.tuples(st.sampled_from(["SWSH", "TG", "OP01-", "LOB-EN"]), st.integers(0, 400)).map(
        lambda pair: f"{pair[0]}{pair[1]}"
    ),
    st.text(max_size=8),
)
_READ = st.one_of(st.text(max_size=40), st.lists(_LISTED.map(str), max_size=4).map(" ".join))


@given(_READ, st.lists(_LISTED, max_size=5))
def test_a_print_is_never_named_whose_number_is_not_in_the_text(read, listed):
    place = print_named(read, listed)
    if place is not None:
        own = listed_number(listed[place])
        assert any(str(own.count) in each for each in (str(number) for number in numbers_in(read)))
        assert all(not number.names(own) or number.series == own.series for number in numbers_in(read))
        assert str(own.count) in "".join(
            str(int(run)) + " " for run in __import__("re").findall(r"\d+", read.upper())
        )


@given(_READ, _LISTED)
def test_prints_with_one_number_stay_ambiguous(read, listed):
    assert print_named(read, [listed, listed]) is None


@given(_READ, st.lists(_LISTED, min_size=1, max_size=5), st.randoms())
def test_the_order_of_the_prints_does_not_matter(read, listed, random):
    place = print_named(read, listed)
    order = list(range(len(listed)))
    random.shuffle(order)
    again = print_named(read, [listed[each] for each in order])
    assert again == (None if place is None else order.index(place))


@given(st.integers(1, 999), st.integers(1, 999), st.integers(1, 999))
def test_a_number_that_is_printed_is_found_whatever_stands_around_it(count, total, other):
    listed = [f"{count}/{total}", f"{other + 1000}/{total}"]
    assert print_named(f"Illus. A. B. {count:03d}/{total:03d} (c) 1999", listed) == 0
