"""How many neighbours hold the artworks that are compared."""

from hypothesis import given
from hypothesis import strategies as st

from cardscanner.match.depth import neighbours_needed


@given(st.lists(st.integers(1, 12), min_size=11, max_size=40), st.randoms())
def test_in_any_order_the_rows_hold_eleven_artworks(prints, chance):
    rows = [artwork for artwork, count in enumerate(prints) for _ in range(count)]
    chance.shuffle(rows)
    assert len(set(rows[: neighbours_needed(prints)])) >= 11


def test_a_gallery_without_reprints_needs_eleven_rows():
    assert neighbours_needed([1] * 5000) == 11


def test_huge_artworks_do_not_make_every_search_huge():
    assert neighbours_needed([10_000, 10_000]) == 256
