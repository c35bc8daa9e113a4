"""The demo film: cards come and go in front of a camera, and we know the truth about each of them.

A film is a list of acts. An act shows nothing, something that is no card, or one or two cards that are laid
down, rest, are perhaps pushed or covered, and are taken away again. Everything follows from one seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from cardscanner.errors import InputError
from cardscanner.records import Picture
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import CardSpec
from cardscanner_tools.scene import effects
from cardscanner_tools.scene.props import PROPS, Prop
from cardscanner_tools.scene.stage import Pose, Thing, card_thing, hand, lay
from cardscanner_tools.scene.surfaces import cloth, paint, print_, speckle, wood

WIDTH, HEIGHT = 1280, 720
_MOVE_S = 0.5
_FACE_PX = 560
_TABLES = (wood, paint, cloth, print_, speckle, paint, wood)

Way = Literal["plain", "moved", "tilted", "upside_down", "fingers", "glare", "turned", "small", "stack"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One presented card: the truth that the demo is judged by."""

    card_id: str
    way: Way
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class _Actor:
    """A card or a prop with a place and a time."""

    face: int
    """Number of the card's face, or -1 - number of the prop."""
    way: Way
    from_s: float
    to_s: float
    rest: Pose
    entry: float
    """Direction (radians) from which the hand brings it."""


@dataclass(frozen=True, slots=True)
class _Wave:
    """A hand that moves through the picture with nothing in it."""

    from_s: float
    to_s: float
    toward: float


@dataclass(slots=True)
class Film:
    """A script and everything needed to draw it."""

    fps: int
    seconds: float
    shown: list[Shown]
    _actors: list[_Actor]
    _waves: list[_Wave]
    _tables: list[tuple[float, int]]
    """(start in seconds, seed of the surface)."""
    _cards: list[CardSpec]
    _prop_seeds: list[int]
    _seed: int

    def truth(self) -> list[dict[str, object]]:
        """The presented cards as plain records."""
        return [asdict(each) for each in self.shown]

    def frames(self) -> Iterator[Picture]:
        """Draw the film, frame by frame, (720, 1280, 3) each."""
        painter = _Painter(self)
        for number in range(round(self.seconds * self.fps)):
            yield painter.paint(number / self.fps, number)


def write_script(cards: Sequence[CardSpec], seed: int, presentations: int = 48, fps: int = 10) -> Film:
    """Return a film in which ``presentations`` cards, drawn from ``cards``, are presented.

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
        self.actors: list[_Actor] = []
        self.waves: list[_Wave] = []
        self.tables: list[tuple[float, int]] = []
        self.props: list[int] = []

    def _draw(self) -> int:
        """Return the number of a card that was not shown yet."""
        if not self.order:
            raise InputError(f"{len(self.cards)} cards are too few for this film: draw more of them")
        return self.order.pop()

    def write(self, presentations: int) -> Film:
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
        return Film(
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
        """A second card laid on top of the first."""
        place = self._place("plain")
        middle, end = self.now + 2.2, self.now + 4.6
        self._present(below, "plain", self.now, end, place)
        self._present(above, "stack", middle, end, place)
        self.now = end + 1.3

    def _no_card(self) -> None:
        number = len(self.props)
        self.props.append(int(self.rng.integers(2**31)))
        end = self.now + 2.5
        pose = Pose(self.rng.uniform(450, 830), self.rng.uniform(300, 420), self.rng.uniform(260, 400),
                    self.rng.uniform(-0.5, 0.5))  # fmt: skip
        self.actors.append(_Actor(-1 - number, "plain", self.now, end, pose, self._entry()))
        self.waves.append(_Wave(end + 0.6, end + 2.0, self._entry()))
        self.now = end + 2.6

    def _present(self, card: int, way: Way, start: float, end: float, rest: Pose) -> None:
        self.actors.append(_Actor(card, way, start, end, rest, self._entry()))
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


class _Painter:
    """Draws single frames of a film."""

    def __init__(self, film: Film) -> None:
        self.film = film
        self.tables: dict[int, Picture] = {}
        self.things: dict[int, Prop] = {}

    def paint(self, now: float, number: int) -> Picture:
        film = self.film
        rng = np.random.default_rng([film._seed, 4, number])  # noqa: SLF001 - one module
        view = self._table(now).copy()
        hands: list[tuple[tuple[float, float], float, float]] = []
        for actor in film._actors:  # noqa: SLF001
            if actor.from_s <= now < actor.to_s:
                hands += self._act(view, actor, now)
        for wave in film._waves:  # noqa: SLF001
            if wave.from_s <= now < wave.to_s:
                progress = (now - wave.from_s) / (wave.to_s - wave.from_s)
                reach = np.sin(progress * np.pi)
                hands.append(((640 + 300 * (progress - 0.5), 800 - 420 * reach), np.pi / 2, 85.0))
        skin = np.array([224, 172, 140]) * (0.6 + 0.4 * ((film._seed * 7) % 10) / 10)  # noqa: SLF001
        for tip, toward, size in hands:
            hand(view, tip, toward, skin, size)
        return self._photograph(rng, view, now)

    def _table(self, now: float) -> Picture:
        number = sum(start <= now for start, _ in self.film._tables) - 1  # noqa: SLF001
        if number not in self.tables:
            rng: Generator = np.random.default_rng(self.film._tables[number][1])  # noqa: SLF001
            table = _TABLES[number % len(_TABLES)](rng, HEIGHT, WIDTH)
            self.tables[number] = effects.light(rng, effects.blur(rng, table, 1.0), 0.6)
        return self.tables[number]

    def _face(self, actor: _Actor) -> Prop:
        if actor.face not in self.things:
            if actor.face >= 0:
                face = render_card(self.film._cards[actor.face], _FACE_PX)  # noqa: SLF001
                thing = card_thing(face, actor.rest)
                self.things[actor.face] = (thing.face, thing.mask)
            else:
                rng = np.random.default_rng(self.film._prop_seeds[-1 - actor.face])  # noqa: SLF001
                self.things[actor.face] = PROPS[(-1 - actor.face) % len(PROPS)](rng)
        return self.things[actor.face]

    def _act(
        self, view: Picture, actor: _Actor, now: float
    ) -> list[tuple[tuple[float, float], float, float]]:
        """Draw one actor; return the hands that hold or cover it."""
        face, mask = self._face(actor)
        pose, held = _pose_at(actor, now)
        if actor.way == "glare":
            face = _gloss(face, now - actor.from_s)
        lay(view, Thing(face, mask, pose))
        grip = pose.height_px * 0.45
        edge = (pose.x + np.cos(actor.entry) * grip, pose.y + np.sin(actor.entry) * grip)
        if held:
            return [(edge, actor.entry, 70.0)]
        age, left = now - actor.from_s, actor.to_s - now
        if actor.way == "fingers" and age > 0.9 and left > 0.7:
            deep = pose.height_px * 0.3
            tip = (pose.x + np.cos(actor.entry) * deep, pose.y + np.sin(actor.entry) * deep)
            return [(tip, actor.entry, 60.0)]
        return []

    def _photograph(self, rng: Generator, view: Picture, now: float) -> Picture:
        flicker = 1 + 0.02 * np.sin(now * 5.0)
        view = np.clip(view * flicker, 0, 255).astype(np.uint8)
        view = effects.blur(rng, view, 0.6)
        return effects.sensor(rng, view, 0.35)


def _pose_at(actor: _Actor, now: float) -> tuple[Pose, bool]:
    """Where the actor is, and whether a hand holds it."""
    rest, age, left = actor.rest, now - actor.from_s, actor.to_s - now
    far = 620.0
    away = 0.0
    if age < _MOVE_S:
        away = far * (1 - _ease(age / _MOVE_S))
    elif left < _MOVE_S:
        away = far * (1 - _ease(left / _MOVE_S))
    shift = (age - 1.0) / 1.0 if actor.way == "moved" and age > 1.0 else 0.0
    slide = 160 * _ease(min(shift, 1.0))
    pose = Pose(
        rest.x + np.cos(actor.entry) * away + (slide if rest.x < 640 else -slide),
        rest.y + np.sin(actor.entry) * away,
        rest.height_px,
        rest.turn + 0.25 * away / far,
        rest.tilt_x,
        rest.tilt_y,
    )
    return pose, away > 1.0 or 0 < shift < 1


def _ease(progress: float) -> float:
    return float(progress * progress * (3 - 2 * progress))


def _gloss(face: Picture, age: float) -> Picture:
    """A lamp's image that wanders over the card."""
    height, width = face.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = width * (0.2 + 0.25 * age), height * (0.3 + 0.12 * age)
    spot = np.exp(-(((columns - x) / (width * 0.16)) ** 2 + ((rows - y) / (height * 0.1)) ** 2))
    white = np.full_like(face, 250)
    return effects.blend(white, face, np.clip(spot * 1.3, 0, 1).astype(np.float32))
