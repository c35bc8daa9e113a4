"""Names in the letters that OpenCV can draw, which are those of ASCII."""

from __future__ import annotations

import re
import unicodedata

_SIGNS = {
    "♀": " (F)", "♂": " (M)", "★": "*", "☆": "*", "·": ".", "・": " ", "ー": "-", "ß": "ss",
    "\N{MULTIPLICATION SIGN}": "x", "\N{EN DASH}": "-", "\N{EM DASH}": "-",
    "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'", "“": '"', "”": '"',
}  # fmt: skip
_UNKNOWN = "?"
_SMALL = re.compile(r"(?P<before>[a-z]?)\x01(?P<glide>[aiueo]|y[auo]|wa|ka|ke|tu)(?P<next>[a-z]?)")
_LETTER = re.compile(
    r"(?:LATIN|GREEK|CYRILLIC|KATAKANA|HIRAGANA|HANGUL) (?P<size>CAPITAL |SMALL )?"
    r"(?:LETTER |SYLLABLE |LIGATURE )+(?P<small>SMALL )?(?P<sound>[A-Z]+)"
)


def romanised(text: str) -> str:
    """Return the text in printable ASCII, by the names that Unicode gives to letters.

    Accents go ("Pokémon" becomes "Pokemon"), kana and hangul become syllables, Greek and Cyrillic letters
    their names ("δ" is "delta"). What Unicode does not name by a sound, such as a Chinese character, is "?".
    """
    plain = "".join(_sound(letter) for letter in unicodedata.normalize("NFKC", text))
    return " ".join(_SMALL.sub(_join, plain).split())


def _sound(letter: str) -> str:
    if letter.isascii():
        return letter if letter.isprintable() else " "
    if letter in _SIGNS:
        return _SIGNS[letter]
    if found := _LETTER.match(unicodedata.name(letter, "")):
        sound = found["sound"].lower()
        if found["small"]:
            return f"\x01{sound}"
        return sound.capitalize() if found["size"] == "CAPITAL " else sound
    same = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return same or _UNKNOWN


def _join(found: re.Match[str]) -> str:
    """Join a small kana to what stands around it: ti + small yu is tyu, small tu doubles what follows."""
    if found["glide"] == "tu":
        return found["before"] + found["next"] * 2
    before = "" if found["before"] in "aiueo" else found["before"]
    return before + found["glide"] + found["next"]
