"""Invented cards: what a card is called, which set it is in, which frame it has, which reprints it has.

Everything follows from seeds, so a catalogue is the same on every machine:
``catalogue(17592, seed=1)[41]`` is one card for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cardscanner_tools.render.lettering import invent_name, invent_rules


@dataclass(frozen=True, slots=True)
class CardSpec:
    """Everything that decides how a card looks."""

    card_id: str
    name: str
    set_code: str
    number: int
    set_size: int
    frame: int
    """Seed of the frame: layout, border, bars, fonts. Cards of a set share a few."""
    art: int
    """Seed of the illustration; reprints share it."""
    element: int
    """Colour of the card's body, 0 to 9."""
    points: int
    rules: tuple[str, ...]
    symbol: int
    """Seed of the set symbol."""
    reprint_of: str | None = None


def catalogue(count: int, seed: int, reprint_share: float = 0.12) -> list[CardSpec]:
    """Return ``count`` cards in sets of 60 to 220, of which a share are reprints of earlier ones."""
    rng = np.random.default_rng([seed, 1])
    cards: list[CardSpec] = []
    number_of_set = 0
    while len(cards) < count:
        size = int(rng.integers(60, 221))
        frames = [int(rng.integers(2**31)) for _ in range(int(rng.integers(1, 5)))]
        symbol, code = int(rng.integers(2**31)), f"s{seed}x{number_of_set:03d}"
        for number in range(1, min(size, count - len(cards)) + 1):
            blank = CardSpec(
                f"{code}-{number}",
                "",
                code,
                number,
                size,
                frames[rng.integers(len(frames))],
                0,
                0,
                0,
                (),
                symbol,
            )
            reprint = bool(cards) and rng.random() < reprint_share
            cards.append(_reprint(rng, blank, cards) if reprint else _original(rng, blank))
        number_of_set += 1
    return cards


def artwork_of(card: CardSpec) -> int:
    """Return the number that reprints share."""
    return card.art


def _original(rng: np.random.Generator, blank: CardSpec) -> CardSpec:
    lines = tuple(invent_rules(rng, int(rng.integers(4, 16))) for _ in range(int(rng.integers(1, 4))))
    return replace(
        blank,
        name=invent_name(rng),
        art=int(rng.integers(2**62)),
        element=int(rng.integers(10)),
        points=int(rng.integers(3, 34)) * 10,
        rules=lines,
    )


def _reprint(rng: np.random.Generator, blank: CardSpec, earlier: list[CardSpec]) -> CardSpec:
    """Same art and text; half keep the old frame too, so that only symbol and number differ."""
    first = earlier[rng.integers(len(earlier))]
    frame = first.frame if rng.random() < 0.5 else blank.frame
    return replace(
        first,
        card_id=blank.card_id,
        set_code=blank.set_code,
        number=blank.number,
        set_size=blank.set_size,
        symbol=blank.symbol,
        frame=frame,
        reprint_of=first.reprint_of or first.card_id,
    )
