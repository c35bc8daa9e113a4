"""Names of every script become letters that can be drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.romanise import romanised


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("Bulbasaur", "Bulbasaur"),
        ("Pokémon", "Pokemon"),
        ("Poke\u0301mon", "Pokemon"),
        ("Größe, Œuvre, Łódź", "Grosse, Oeuvre, Lodz"),
        ("Nidoran♀", "Nidoran (F)"),
        ("Farfetch\u2019d \u2013 Mr. Mime ★", "Farfetch'd - Mr. Mime *"),
        ("Charizard δ", "Charizard delta"),
        ("ピカチュウ", "pikatyuu"),
        ("ﾋﾟｶﾁｭｳ", "pikatyuu"),
        ("ポッチャマ", "pottyama"),
        ("ファイヤー", "haiya-"),
        ("ｅｘ①", "ex1"),
        ("피카츄", "pikacyu"),
        ("Пикачу", "Peikaacheu"),
        ("喷火龙 V", "??? V"),
        ("two\nlines\tand\x00more", "two lines and more"),
        ("", ""),
    ],
)
def test_a_name_is_written_with_latin_letters(name, drawn):
    assert romanised(name) == drawn


@given(st.text())
def test_whatever_the_name_is_the_result_can_be_drawn(name):
    drawn = romanised(name)
    assert drawn.isascii()
    assert drawn.isprintable()


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126)))
def test_what_is_ascii_stays_as_it_is(name):
    assert romanised(name) == name
