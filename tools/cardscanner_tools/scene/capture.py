"""One camera view of one card, cut out again: what the embedder sees in real life.

The card is laid on a surface, tilted, lit, photographed at the size it would have in a camera frame, and
rectified by the product's own :func:`cardscanner.rectify.rectify` from corners as wrong as a finder's.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from cardscanner.records import Corners, Picture
from cardscanner.rectify import rectify
from cardscanner_tools.render.cards import rounded_mask
from cardscanner_tools.scene import effects
from cardscanner_tools.scene.surfaces import SURFACES


@dataclass(frozen=True, slots=True)
class CaptureStyle:
    """How hard the views are; ranges are drawn uniformly (sizes: log-uniformly)."""

    strength: float = 1.0
    """Light, noise and colour: see :mod:`effects`."""
    card_width_px: tuple[float, float] = (60, 300)
    """Width of the card in the camera's picture."""
    corner_error: float = 0.05
    """Largest error of each corner, as a share of the card's width."""
    occlusion: float = 0.15
    """Chance of fingers, which then cover up to about a quarter."""
    glare: float = 0.3
    foil: float = 0.25
    sleeve: float = 0.2
    """Chances of each."""


CLEAN = CaptureStyle(0.2, (200, 300), 0.01, 0, 0, 0, 0)
USUAL = CaptureStyle()
HARD = CaptureStyle(1.8, (45, 250), 0.08, 0.35, 0.6, 0.5, 0.35)

_LEVEL_CORNER_ERROR = 0.03
_LEVEL_WIDTHS_PX = (90, 300)


def level(strength: float, *, glare: bool, occlusion: bool) -> CaptureStyle:
    """Return the evaluation's style of a level: 1.0 is a usual desk, 1.8 a bad one, 2.4 the hardest.

    Light, noise, blur and compression have the level's strength; corners are off by 3 % of the width times
    the level; cards are 90 to 300 pixels wide, divided by the root of the level. Foil and sleeves as usually.
    The numbers were chosen so that the signs of a 64-pixel DCT do about as badly as on the levels of the
    specification's own study (65 % at 1.8 and 29 % at 2.4, both with glare and occlusion): with a gallery of
    3,000 they find 57.5 % and 27.5 %.
    ``glare`` and ``occlusion`` are not chances here: with them *every* view has a lamp's image or fingers on
    it (fingers over 5 to 25 % of the card), without them none has.
    """
    low, high = _LEVEL_WIDTHS_PX
    return CaptureStyle(
        strength=strength,
        card_width_px=(low / strength**0.5, high / strength**0.5),
        corner_error=_LEVEL_CORNER_ERROR * strength,
        occlusion=1.0 if occlusion else 0.0,
        glare=1.0 if glare else 0.0,
    )


def surface(rng: Generator, height: int, width: int) -> Picture:
    """Something to lay cards on, drawn from :mod:`surfaces`."""
    return SURFACES[rng.integers(len(SURFACES))](rng, height, width)


def capture(rng: Generator, card: Picture, style: CaptureStyle = USUAL, side: int = 224) -> Picture:
    """Return one (side, side, 3) crop of a view of the card face (square corners, upright)."""
    view, corners = photograph(rng, card, style)
    return rectify(view, corners, side, side)


def photograph(rng: Generator, card: Picture, style: CaptureStyle = USUAL) -> tuple[Picture, Corners]:
    """Return a view of the card face, and its corners as wrong as a finder's."""
    low, high = style.card_width_px
    width = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    aspect = card.shape[0] / card.shape[1]
    canvas_w, canvas_h = round(width * 1.35), round(width * aspect * 1.25)
    true = _tilted(rng, width, aspect, (canvas_w / 2, canvas_h / 2))
    view = surface(rng, canvas_h, canvas_w)
    card = _printed(rng, card, style)
    if rng.random() < style.sleeve:
        _lay(view, _sleeve(rng, card), _grown(true, rng.uniform(1.02, 1.07)))
    where = _lay(view, card, true)
    view = _photographed(rng, view, where, style, width)
    return view, _misjudged(rng, true, style.corner_error * width)


def _tilted(rng: Generator, width: float, aspect: float, centre: tuple[float, float]) -> Corners:
    """Corners of the card after a turn of up to 25 degrees out of the plane, a little in it."""
    half = np.array([width / 2, width * aspect / 2])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    spin, tilt_x, tilt_y = rng.normal(0, 0.06), rng.normal(0, 0.2), rng.normal(0, 0.2)
    x = corners[:, 0] * np.cos(spin) - corners[:, 1] * np.sin(spin)
    y = corners[:, 0] * np.sin(spin) + corners[:, 1] * np.cos(spin)
    depth = 1 + (x * np.sin(tilt_y) + y * np.sin(tilt_x)) / (width * rng.uniform(3, 8))
    return np.stack(
        [centre[0] + x * np.cos(tilt_y) / depth, centre[1] + y * np.cos(tilt_x) / depth], 1
    ).astype(np.float32)


def _printed(rng: Generator, card: Picture, style: CaptureStyle) -> Picture:
    """Foil and gloss belong to the card; they are added before it is laid down."""
    if rng.random() < style.foil:
        card = effects.foil(rng, card, style.strength)
    if rng.random() < style.glare:
        card = effects.glare(rng, card, style.strength)
    if rng.random() < style.occlusion:
        card = effects.fingers(rng, card, rng.uniform(0.05, 0.25))
    return card


def _sleeve(rng: Generator, card: Picture) -> Picture:
    tone = rng.uniform(60, 255, 3)
    return np.broadcast_to(tone, card.shape).astype(np.uint8)


def _grown(corners: Corners, factor: float) -> Corners:
    centre = corners.mean(axis=0)
    return np.asarray((corners - centre) * factor + centre, np.float32)


def _lay(view: Picture, card: Picture, corners: Corners) -> effects.Mask:
    """Draw the card onto the view, in place; return where it is."""
    target_h = np.linalg.norm(corners[3] - corners[0])
    shrink = target_h / card.shape[0]
    if shrink < 0.8:  # area-correct reduction first; the warp then stays close to 1:1
        size = (max(8, round(card.shape[1] * shrink)), max(8, round(card.shape[0] * shrink)))
        card = np.asarray(cv2.resize(card, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    height, width = card.shape[:2]
    edge = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    transform = cv2.getPerspectiveTransform(edge, corners)
    size = (view.shape[1], view.shape[0])
    flat = cv2.warpPerspective(card, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpPerspective(rounded_mask(height, width), transform, size, flags=cv2.INTER_LINEAR)
    where = effects.as_mask(mask)
    view[:] = effects.blend(np.asarray(flat, np.uint8), view, where)
    return where


def _photographed(
    rng: Generator, view: Picture, where: effects.Mask, style: CaptureStyle, width: float
) -> Picture:
    strength = style.strength
    if rng.random() < 0.3 * strength:
        view = effects.shadow(rng, view, strength)
    if rng.random() < style.glare * 0.5:
        view = effects.glare(rng, view, strength, where)
    view = effects.light(rng, view, strength)
    view = effects.blur(rng, view, abs(rng.normal(0, 0.005 * strength)) * width)
    if rng.random() < 0.7:
        view = effects.sensor(rng, view, 0.6 * strength)
    if rng.random() < 0.6:
        view = effects.compress(view, int(rng.integers(max(15, round(70 - 30 * strength)), 96)))
    return view


def _misjudged(rng: Generator, corners: Corners, error_px: float) -> Corners:
    """Move, scale and bend the true corners: the three ways in which finders are wrong."""
    kind = rng.random()
    moved = corners + rng.uniform(-0.3, 0.3, 2) * error_px
    if kind < 0.5:
        moved = moved + rng.uniform(-1, 1, (4, 2)) * error_px
    else:  # inner frame or sleeve taken for the edge
        centre = moved.mean(axis=0)
        reach = np.linalg.norm(moved[0] - centre)
        moved = centre + (moved - centre) * (1 + rng.uniform(-1, 1, 2) * error_px / reach * 1.4)
        moved = moved + rng.uniform(-0.3, 0.3, (4, 2)) * error_px
    return moved.astype(np.float32)
