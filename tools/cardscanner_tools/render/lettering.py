"""Type on cards: fonts that come with matplotlib, invented names and rules text."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import matplotlib as mpl
from numpy.random import Generator
from PIL import ImageFont

_FACES = (
    "DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf",
    "DejaVuSerif-Italic.ttf", "DejaVuSans-BoldOblique.ttf", "STIXGeneral.ttf", "STIXGeneralBol.ttf",
)  # fmt: skip
_STARTS = ("ar", "bel", "cro", "dra", "el", "fu", "gar", "hy", "ig", "ka", "lum", "mor", "nyx", "or", "pyr",
           "qua", "ru", "syl", "tor", "ul", "vex", "wis", "xan", "yor", "zeph")  # fmt: skip
_MIDDLES = ("a", "do", "le", "mi", "no", "ri", "sa", "the", "va", "zo", "ra", "lo", "")
_ENDS = ("bat", "dane", "fox", "gorn", "leaf", "lisk", "mite", "nix", "plume", "rex", "shell", "tail", "wing")
_WORDS = (
    "attach", "draw", "flip", "coin", "energy", "during", "turn", "your", "opponent", "active", "bench",
    "damage", "heal", "search", "deck", "shuffle", "card", "hand", "each", "more", "less", "may", "once",
    "discard", "until", "end", "place", "counter", "weak", "resist", "retreat", "cost", "power", "choose",
    "reveal", "top", "bottom", "then", "prize", "type", "basic", "stage",
)  # fmt: skip


@lru_cache(maxsize=512)
def font(face: int, size_px: int) -> ImageFont.FreeTypeFont:
    """Return one of the faces at a size in pixels."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / _FACES[face % len(_FACES)]), max(size_px, 4))


def face_count() -> int:
    """Return how many faces there are."""
    return len(_FACES)


def invent_name(rng: Generator) -> str:
    """Return a pronounceable creature name."""
    return "".join(part[rng.integers(len(part))] for part in (_STARTS, _MIDDLES, _ENDS)).capitalize()


def invent_rules(rng: Generator, words: int) -> str:
    """Return a sentence of rules text."""
    return " ".join(_WORDS[rng.integers(len(_WORDS))] for _ in range(words)).capitalize() + "."


def wrap(text: str, face: ImageFont.FreeTypeFont, width_px: float) -> list[str]:
    """Break text into lines that fit."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and face.getlength(longer) > width_px:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]
