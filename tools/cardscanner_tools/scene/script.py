"""The script of the demo film: cards come and go before a camera, and we know the truth about each.

A script is a list of acts. An act shows nothing, something that is no card, or one or two cards that are laid
down, rest, are perhaps pushed or covered, and are taken away again. Everything follows from one seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from cardscanner.errors import InputError
from cardscanner_tools.render.catalogue import CardSpec
from cardscanner_tools.scene.stage import Pose

_MOVE_S = 0.5

Way = Literal["plain", "moved", "tilted", "upside_down", "fingers", "glare", "turned", "small", "stack"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One presented card: the truth that the demo is judged by."""

    card_id: str
    way: Way
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Actor:
    """A card or a prop with a place and a time."""

    face: int
    """Number of the card's face, or -1 - number of the prop."""
    way: Way
    from_s: float
    to_s: float
    rest: Pose
    entry: float
    """Direction (radians) from which the hand brings it."""

    def pose_at(self, now: float) -> tuple[Pose, bool]:
        """Where it is, and whether a hand holds it."""
        rest, age, left = self.rest, now - self.from_s, self.to_s - now
        far = 620.0
        away = 0.0
        if age < _MOVE_S:
            away = far * (1 - _ease(age / _MOVE_S))
        elif left < _MOVE_S:
            away = far * (1 - _ease(left / _MOVE_S))
        shift = (age - 1.0) / 1.0 if self.way == "moved" and age > 1.0 else 0.0
        slide = 160 * _ease(min(shift, 1.0))
        pose = Pose(
            rest.x + np.cos(self.entry) * away + (slide if rest.x < 640 else -slide),
            rest.y + np.sin(self.entry) * away,
            rest.height_px,
            rest.turn + 0.25 * away / far,
            rest.tilt_x,
            rest.tilt_y,
        )
        return pose, away > 1.0 or 0 < shift < 1


@dataclass(frozen=True, slots=True)
class Wave:
    """A hand that moves through the picture with nothing in it."""

    from_s: float
    to_s: float
    toward: float


@dataclass(frozen=True, slots=True)
class Script:
    """Everything that happens in a film."""

    fps: int
    seconds: float
    shown: list[Shown]
    actors: list[Actor]
    waves: list[Wave]
    tables: list[tuple[float, int]]
    """(start in seconds, seed of the surface)."""
    cards: list[CardSpec]
    prop_seeds: list[int]
    seed: int

    def truth(self) -> list[dict[str, object]]:
        """The presented cards as plain records."""
        return [asdict(each) for each in self.shown]


def write_script(cards: Sequence[CardSpec], seed: int, presentations: int = 48, fps: int = 10) -> Script:
    """Return a script in which ``presentations`` cards, drawn from ``cards``, are presented.

    Raises
    ------
    InputError
        There are too few cards: apart from one taken away and put back, no card is shown twice.
    """
    return _Writer(list(cards), seed, fps).write(presentations)


class _Writer:
    def __init__(self, cards: list[CardSpec], seed: int, fps: int) -> None:
        self.rng = np.random.default_rng([seed, 2])
        self.seed, self.fps = seed, fps
        self.cards = cards
        self.order = [int(number) for number in self.rng.permutation(len(cards))]
        self.now = 0.0
        self.shown: list[Shown] = []
        self.actors: list[Actor] = []
        self.waves: list[Wave] = []
        self.tables: list[tuple[float, int]] = []
        self.props: list[int] = []
        self.stacks = 0

    def _draw(self) -> int:
        """Return the number of a card that was not shown yet."""
        if not self.order:
            raise InputError(f"{len(self.cards)} cards are too few for this film: draw more of them")
        return self.order.pop()

    def write(self, presentations: int) -> Script:
        ways: list[Way] = ["plain", "moved", "tilted", "upside_down", "fingers", "glare", "turned", "small"]
        act = 0
        while len(self.shown) < presentations:
            if act % 8 == 0:
                self.tables.append((self.now, int(self.rng.integers(2**31))))
                self._pause(1.5)
            kind = act % 12
            if kind == 4:
                self._no_card()
            elif kind == 6 and len(self.shown) <= presentations - 2:
                self._two(self._draw(), self._draw())
            elif kind == 8 and len(self.shown) <= presentations - 2:
                self._twice(self._draw())
            elif kind == 10 and len(self.shown) <= presentations - 2:
                self._stack(self._draw(), self._draw())
            else:
                self._one(self._draw(), ways[len(self.shown) % len(ways)])
            act += 1
        self._pause(1.5)
        return Script(
            self.fps,
            self.now,
            self.shown,
            self.actors,
            self.waves,
            self.tables,
            self.cards,
            self.props,
            self.seed,
        )

    def _pause(self, seconds: float) -> None:
        self.now += seconds

    def _one(self, card: int, way: Way) -> None:
        end = self.now + self.rng.uniform(2.2, 3.0)
        self._present(card, way, self.now, end, self._place(way))
        self.now = end + 1.3

    def _two(self, left: int, right: int) -> None:
        start, end = self.now, self.now + 3.4
        self._present(left, "plain", start, end, self._place("plain", x=(380, 440)))
        self._present(right, "plain", start + 0.4, end, self._place("plain", x=(840, 900)))
        self.now = end + 1.3

    def _twice(self, card: int) -> None:
        """Taken away and put back: two presentations."""
        for _ in range(2):
            self._one(card, "plain")

    def _stack(self, below: int, above: int) -> None:
        """A second card laid on top of the first; both leave as one pile, or one after the other."""
        place, way_out = self._place("plain"), self._entry()
        middle, end = self.now + 2.2, self.now + 4.6
        one_by_one = self.stacks % 2 == 1
        self.stacks += 1
        self._present(below, "plain", self.now, end + 1.5 * one_by_one, place, way_out)
        self._present(above, "stack", middle, end, place, way_out)
        self.now = end + 1.5 * one_by_one + 1.3

    def _no_card(self) -> None:
        number = len(self.props)
        self.props.append(int(self.rng.integers(2**31)))
        end = self.now + 2.5
        pose = Pose(self.rng.uniform(450, 830), self.rng.uniform(300, 420), self.rng.uniform(260, 400),
                    self.rng.uniform(-0.5, 0.5))  # fmt: skip
        self.actors.append(Actor(-1 - number, "plain", self.now, end, pose, self._entry()))
        self.waves.append(Wave(end + 0.6, end + 2.0, self._entry()))
        self.now = end + 2.6

    def _present(
        self, card: int, way: Way, start: float, end: float, rest: Pose, entry: float | None = None
    ) -> None:
        entry = self._entry() if entry is None else entry
        self.actors.append(Actor(card, way, start, end, rest, entry))
        self.shown.append(Shown(self.cards[card].card_id, way, round(start, 3), round(end, 3)))

    def _entry(self) -> float:
        """Hands come from below, left or right."""
        return float(self.rng.uniform(-0.2, np.pi + 0.2))

    def _place(self, way: Way, x: tuple[float, float] = (420, 860)) -> Pose:
        rng = self.rng
        tilt = (
            rng.uniform(0.3, 0.5, 2) * rng.choice([-1, 1], 2) if way == "tilted" else rng.normal(0, 0.06, 2)
        )
        turn = {"turned": rng.uniform(0.6, 1.3) * rng.choice([-1, 1]), "upside_down": np.pi}.get(way, 0.0)
        height = rng.uniform(170, 200) if way == "small" else rng.uniform(300, 420)
        return Pose(
            rng.uniform(*x),
            rng.uniform(320, 400),
            height,
            turn + rng.normal(0, 0.12),
            float(tilt[0]),
            float(tilt[1]),
        )


def _ease(progress: float) -> float:
    return float(progress * progress * (3 - 2 * progress))
