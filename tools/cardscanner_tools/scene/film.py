"""Drawing the demo film from its script."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from cardscanner.records import Picture
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.scene import effects
from cardscanner_tools.scene.props import PROPS, Prop
from cardscanner_tools.scene.script import Actor, Script
from cardscanner_tools.scene.stage import Thing, card_thing, hand, lay
from cardscanner_tools.scene.surfaces import cloth, paint, print_, speckle, wood

WIDTH, HEIGHT = 1280, 720
_FACE_PX = 560
_TABLES = (wood, paint, cloth, print_, speckle, paint, wood)


class Film:
    """Draws the frames of a script, (720, 1280, 3) each, in any order."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.tables: dict[int, Picture] = {}
        self.things: dict[int, Prop] = {}

    def frames(self) -> Iterator[Picture]:
        """Draw the film, frame by frame."""
        for number in range(round(self.script.seconds * self.script.fps)):
            yield self.paint(number / self.script.fps, number)

    def paint(self, now: float, number: int) -> Picture:
        """Draw the frame of a moment; its number seeds the camera's noise."""
        script = self.script
        rng = np.random.default_rng([script.seed, 4, number])
        view = self._table(now).copy()
        hands: list[tuple[tuple[float, float], float, float]] = []
        for actor in script.actors:
            if actor.from_s <= now < actor.to_s:
                hands += self._act(view, actor, now)
        for wave in script.waves:
            if wave.from_s <= now < wave.to_s:
                progress = (now - wave.from_s) / (wave.to_s - wave.from_s)
                reach = np.sin(progress * np.pi)
                hands.append(((640 + 300 * (progress - 0.5), 800 - 420 * reach), np.pi / 2, 85.0))
        skin = np.array([224, 172, 140]) * (0.6 + 0.4 * ((script.seed * 7) % 10) / 10)
        for tip, toward, size in hands:
            hand(view, tip, toward, skin, size)
        return self._photograph(rng, view, now)

    def _table(self, now: float) -> Picture:
        number = sum(start <= now for start, _ in self.script.tables) - 1
        if number not in self.tables:
            rng: Generator = np.random.default_rng(self.script.tables[number][1])
            table = _TABLES[number % len(_TABLES)](rng, HEIGHT, WIDTH)
            self.tables[number] = effects.light(rng, effects.blur(rng, table, 1.0), 0.6)
        return self.tables[number]

    def _face(self, actor: Actor) -> Prop:
        if actor.face not in self.things:
            if actor.face >= 0:
                face = render_card(self.script.cards[actor.face], _FACE_PX)
                thing = card_thing(face, actor.rest)
                self.things[actor.face] = (thing.face, thing.mask)
            else:
                rng = np.random.default_rng(self.script.prop_seeds[-1 - actor.face])
                self.things[actor.face] = PROPS[(-1 - actor.face) % len(PROPS)](rng)
        return self.things[actor.face]

    def _act(self, view: Picture, actor: Actor, now: float) -> list[tuple[tuple[float, float], float, float]]:
        """Draw one actor; return the hands that hold or cover it."""
        face, mask = self._face(actor)
        pose, held = actor.pose_at(now)
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


def _gloss(face: Picture, age: float) -> Picture:
    """A lamp's image that wanders over the card."""
    height, width = face.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = width * (0.2 + 0.25 * age), height * (0.3 + 0.12 * age)
    spot = np.exp(-(((columns - x) / (width * 0.16)) ** 2 + ((rows - y) / (height * 0.1)) ** 2))
    white = np.full_like(face, 250)
    return effects.blend(white, face, np.clip(spot * 1.3, 0, 1).astype(np.float32))
