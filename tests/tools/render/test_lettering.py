"""Type: lines that fit, names that can be read."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner_tools.render.lettering import face_count, font, invent_name, invent_rules, wrap

WORDS = st.lists(st.text("abcdefgmwil.,", min_size=1, max_size=12), max_size=25).map(" ".join)


@settings(max_examples=100, deadline=None)
@given(text=WORDS, face=st.integers(0, face_count() - 1), size=st.integers(6, 30), width=st.floats(20, 400))
def test_wrapped_lines_fit_unless_a_single_word_does_not(text, face, size, width):
    letters = font(face, size)
    lines = wrap(text, letters, width)
    assert " ".join(lines) == text
    for line in lines:
        assert letters.getlength(line) <= width or " " not in line


@settings(max_examples=60, deadline=None)
@given(text=WORDS, width=st.floats(30, 300))
def test_no_line_is_broken_too_early(text, width):
    letters = font(0, 12)
    lines = wrap(text, letters, width)
    for line, following in pairwise(lines):
        assert letters.getlength(f"{line} {following.split()[0]}") > width


def test_no_text_is_one_empty_line():
    assert wrap("", font(0, 12), 100) == [""]


@pytest.mark.parametrize("face", range(face_count()))
def test_every_face_draws_letters_at_the_asked_size(face):
    assert font(face, 20).size == 20
    assert font(face, 40).getlength("Bulbasaur") > font(face, 20).getlength("Bulbasaur") > 40
    assert font(face, 1).size == 4


def test_names_and_rules_are_words_and_follow_from_the_seed():
    names = [invent_name(np.random.default_rng(seed)) for seed in range(200)]
    assert names == [invent_name(np.random.default_rng(seed)) for seed in range(200)]
    assert len(set(names)) > 150
    assert all(name.isalpha() and name.istitle() for name in names)
    rule = invent_rules(np.random.default_rng(1), 9)
    assert len(rule.split()) == 9
    assert rule.endswith(".")
