"""Quality hints: what a person can do so that cards are recognised better, measured on the camera's picture.

They are about the largest card that is not recognised yet: of one that is, nothing needs to be better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from cardscanner.live import Scene
from cardscanner.records import Corners, Outline, Picture
from cardscanner.rectify import rectify

HintName = Literal["too_dark", "glare", "closer", "blurred", "no_card", "whole_card", "hold_still"]

WORDS: Mapping[HintName, str] = {
    "too_dark": "Too dark: more light on the table.",
    "glare": "Glare on the card: move the lamp aside, or tilt the card a little.",
    "closer": "The card is small in the picture: move it closer to the camera.",
    "blurred": "The picture is blurred: focus the camera, or clean its lens.",
    "no_card": "No card is seen: lay one under the camera, on a plain table.",
    "whole_card": "The card leaves the picture: lay it so that all four corners are seen.",
    "hold_still": "Hold the card still for a moment.",
}

_SMALL_PX = 320
"""Light is measured on a picture of this width."""
_CARD_H, _CARD_W = 224, 160
"""About what the network sees of a card."""
_BORDER = 0.06
_SATURATED = 250
_NOISE_PX = 1.0
"""Noise of the sensor is detail as well: it is averaged away first."""


@dataclass(frozen=True, slots=True)
class Measures:
    """One picture in figures; ``None`` where there is no card that they could be about."""

    light: float
    """0 to 255: how bright the brighter parts are (95th percentile): a black table is no lack of light."""
    cards: int
    glare: float | None = None
    """0 to 1: share of the card that is as bright as can be."""
    height_px: float | None = None
    """Length of the card's longer side, in pixels of the camera."""
    detail: float | None = None
    """Energy of the finest detail of the card over its contrast: falls to nearly nothing with blur."""
    outside: float | None = None
    """How far the card leaves the picture, as a share of its longer side."""
    moved: float | None = None
    """How far it moved since the measurement before, as a share of its longer side."""


def measured(scene: Scene, before: Corners | None = None) -> tuple[Measures, Corners | None]:
    """Return the figures of a scene, and the corners of the card that they are about."""
    picture = scene.frame.pixels
    light = float(np.percentile(_small_grey(picture), 95))
    card = _card_in_question(scene.outlines)
    if card is None:
        return Measures(light, len(scene.outlines)), None
    corners = card.corners
    long_px = float(np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1).max())
    crop = cv2.cvtColor(rectify(picture, corners, _CARD_H, _CARD_W), cv2.COLOR_RGB2GRAY)
    down, right = round(_CARD_H * _BORDER), round(_CARD_W * _BORDER)
    inner = crop[down:-down, right:-right]
    return Measures(
        light,
        len(scene.outlines),
        glare=float((inner >= _SATURATED).mean()),
        height_px=long_px,
        detail=_detail(np.asarray(inner, np.uint8)),
        outside=_outside(picture, corners) / long_px,
        moved=None if before is None else float(np.abs(corners - before).max()) / long_px,
    ), corners


def _card_in_question(outlines: tuple[Outline, ...]) -> Outline | None:
    """Return the largest card that is not recognised."""
    open_ones = [
        each
        for each in outlines
        if not each.reported or each.verdict is None or each.verdict.decision == "no_match"
    ]
    return max(open_ones, key=lambda each: cv2.contourArea(each.corners), default=None)


def _small_grey(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    size = (_SMALL_PX, max(1, round(height * _SMALL_PX / width)))
    return np.asarray(cv2.cvtColor(cv2.resize(picture, size), cv2.COLOR_RGB2GRAY), np.uint8)


def _detail(crop: Picture) -> float:
    """Return var(Laplacian) / var(picture).

    The variance of the Laplacian is the usual measure of focus (Pech-Pacheco et al. 2000); here it is taken
    over the contrast, so that a dim card does not count as a blurred one.
    """
    grey = crop.astype(np.float32)  # rounding to whole numbers would be detail, too
    contrast = float(np.var(grey))
    if contrast < 1.0:
        return 0.0
    calm = cv2.GaussianBlur(grey, (0, 0), _NOISE_PX)
    return float(np.var(cv2.Laplacian(calm, cv2.CV_32F))) / contrast


def _outside(picture: Picture, corners: Corners) -> float:
    """Return by how many pixels the farthest corner lies outside."""
    height, width = picture.shape[:2]
    over = np.maximum(-corners, corners - np.array([width - 1, height - 1], np.float32))
    return float(max(0.0, over.max()))


@dataclass(frozen=True, slots=True)
class _Limit:
    """A hint begins beyond ``begin`` and ends only beyond ``end``: what lies between changes nothing."""

    figure: str
    begin: float
    end: float

    def judge(self, measures: Measures, *, shown: bool) -> bool | None:
        """Return whether the hint holds; ``None``: this picture does not tell."""
        value = getattr(measures, self.figure)
        if value is None:
            return False if shown else None
        if self.begin < self.end:
            return bool(value < (self.end if shown else self.begin))
        return bool(value > (self.end if shown else self.begin))


LIMITS: Mapping[HintName, _Limit] = {
    # A card under a lamp has parts at 150 and more; at 70 the noise of a small sensor is as strong as print.
    "too_dark": _Limit("light", 70, 85),
    # Photographed cards have up to 0.1 and are recognised; where a fifth is white, the picture is gone.
    "glare": _Limit("glare", 0.20, 0.14),
    # The network sees 224 pixels: less than 180 of the camera has less detail than it was trained on.
    "closer": _Limit("height_px", 180, 200),
    # Sharp photos of cards have 0.013 to 0.045; blurred by 0.8% of the width, which the network was trained
    # on, 0.004 to 0.014; by twice that 0.001 to 0.003.
    "blurred": _Limit("detail", 0.002, 0.003),
    "whole_card": _Limit("outside", 0.02, 0.01),
    "hold_still": _Limit("moved", 0.05, 0.03),
}
_NO_CARD_AFTER = 5
_STEADY = 2
"""Measurements that have to agree before a hint comes or goes."""


class Hints:
    """Hints that do not flicker; fed about once a second by one thread."""

    def __init__(self) -> None:
        self._shown: set[HintName] = set()
        self._against: dict[HintName, int] = {}
        self._before: Corners | None = None
        self._empty = 0

    def look(self, scene: Scene | None) -> list[dict[str, str]]:
        """Take in one more scene and return the hints that hold; none while no frames come."""
        if scene is None:
            self.__init__()  # type: ignore[misc]
            return []
        measures, self._before = measured(scene, self._before)
        self._empty = 0 if measures.cards else self._empty + 1
        for name, limit in LIMITS.items():
            self._note(name, holds=limit.judge(measures, shown=name in self._shown))
        if self._empty >= _NO_CARD_AFTER and "too_dark" not in self._shown:
            self._shown.add("no_card")
        else:
            self._shown.discard("no_card")
        return self._documents()

    def _note(self, name: HintName, *, holds: bool | None) -> None:
        if holds is None or holds == (name in self._shown):
            self._against[name] = 0
            return
        self._against[name] = self._against.get(name, 0) + 1
        if self._against[name] >= _STEADY:
            self._against[name] = 0
            self._shown ^= {name}

    def _documents(self) -> list[dict[str, str]]:
        """Return what is to be said: a moving card is blurred because it moves."""
        hidden = {"blurred"} if "hold_still" in self._shown else set()
        return [
            {"hint": name, "words": words}
            for name, words in WORDS.items()
            if name in self._shown and name not in hidden
        ]
