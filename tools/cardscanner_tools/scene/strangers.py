"""Drawn things that are no cards of the game: card backs, cards of other kinds, props, patterns."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator

from cardscanner.match.not_cards import PATTERNS, draw_not_card
from cardscanner.records import Picture
from cardscanner_tools.render.art import noise_field
from cardscanner_tools.render.palette import ramp, scheme
from cardscanner_tools.scene.capture import CaptureStyle, capture, surface
from cardscanner_tools.scene.props import PROPS

_HEIGHT, _WIDTH = 336, 241


def card_back(rng: Generator) -> Picture:
    """Draw a back: a border, a ground, and an emblem that looks alike either way up."""
    colours = scheme(rng)
    face = ramp(colours, noise_field(rng, _HEIGHT, _WIDTH, int(rng.integers(1, 5))))
    border = int(rng.integers(6, 24))
    cv2.rectangle(face, (0, 0), (_WIDTH, _HEIGHT), _colour(rng), border)
    centre, reach = (_WIDTH // 2, _HEIGHT // 2), int(rng.integers(40, 90))
    for ring in range(int(rng.integers(1, 5))):
        axes = (max(4, reach - ring * 18), max(4, round((reach - ring * 18) * rng.uniform(0.5, 1.3))))
        cv2.ellipse(face, centre, axes, 0, 0, 360, _colour(rng), int(rng.choice([-1, 3, 8])), cv2.LINE_AA)
    half = face[: _HEIGHT // 2]
    face[_HEIGHT - len(half) :] = half[::-1, ::-1]
    return face


def playing_card(rng: Generator) -> Picture:
    """Draw white pasteboard with rows of pips and an index in two corners."""
    face = np.full((_HEIGHT, _WIDTH, 3), int(rng.integers(225, 256)), np.uint8)
    ink = (190, 20, 30) if rng.random() < 0.5 else (20, 20, 24)
    kind, rows = int(rng.integers(3)), int(rng.integers(1, 6))
    for row in range(rows):
        y = round(_HEIGHT * (row + 1) / (rows + 1))
        for x in (_WIDTH // 3, 2 * _WIDTH // 3) if rng.random() < 0.7 else (_WIDTH // 2,):
            _pip(face, kind, (x, y), ink)
    index = "A23456789JQK"[int(rng.integers(12))]
    cv2.putText(face, index, (10, 36), cv2.FONT_HERSHEY_SIMPLEX, 1.1, ink, 3, cv2.LINE_AA)
    corner = face[:44, :44][::-1, ::-1].copy()
    face[_HEIGHT - 44 :, _WIDTH - 44 :] = corner
    return face


def text_card(rng: Generator) -> Picture:
    """Draw a business or loyalty card: one ground, a logo, some lines of text."""
    face = np.empty((_HEIGHT, _WIDTH, 3), np.uint8)
    face[:] = rng.integers(120, 256, 3)
    cv2.circle(
        face, (int(rng.integers(50, 190)), 70), int(rng.integers(18, 45)), _colour(rng), -1, cv2.LINE_AA
    )
    for line in range(int(rng.integers(3, 9))):
        letters = "".join(chr(each) for each in rng.integers(97, 123, int(rng.integers(4, 16))))
        at = (18, 150 + line * 22)
        cv2.putText(face, letters, at, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (30, 30, 30), 1, cv2.LINE_AA)
    return face


def prop(rng: Generator) -> Picture:
    """Draw a phone, receipt, book, cup, coins or note."""
    return PROPS[rng.integers(len(PROPS))](rng)[0]


FACES: dict[str, Callable[[Generator], Picture]] = {
    "card backs": card_back,
    "playing cards": playing_card,
    "text cards": text_card,
    "props": prop,
}
KINDS = (*FACES, "surfaces", "patterns")
"""``patterns`` are those that calibration draws: :mod:`cardscanner.match.not_cards`."""
TAUGHT = ("card backs", "props", "surfaces", "patterns")
"""What a training may show as "no card"; the other kinds are left to the evaluation."""


def stranger(rng: Generator, kind: str, style: CaptureStyle, side: int) -> Picture:
    """Return a (side, side, 3) crop of a kind: a capture of a drawn face, or a plain surface or pattern."""
    if kind == "surfaces":
        return np.ascontiguousarray(surface(rng, side, side))
    if kind == "patterns":
        return draw_not_card(int(rng.integers(PATTERNS)), side, side, rng)
    return capture(rng, FACES[kind](rng), style, side)


def _pip(face: Picture, kind: int, at: tuple[int, int], ink: tuple[int, int, int]) -> None:
    x, y = at
    if kind == 0:
        cv2.fillConvexPoly(
            face, np.array([[x, y - 20], [x + 15, y], [x, y + 20], [x - 15, y]]), ink, cv2.LINE_AA
        )
    elif kind == 1:
        for dx, dy in ((-9, 4), (9, 4), (0, -10)):
            cv2.circle(face, (x + dx, y + dy), 10, ink, -1, cv2.LINE_AA)
    else:
        cv2.circle(face, (x, y), 14, ink, -1, cv2.LINE_AA)


def _colour(rng: Generator) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return red, green, blue
