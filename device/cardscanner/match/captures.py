"""Simulated captures: what a camera would make of a reference picture, cheap and seeded.

Nothing here pretends to be a renderer: it moves corners, changes light, blurs, adds glare, noise and JPEG, so
that the accept rule can be calibrated on any machine, for any model, while a database is built.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.records import Corners, Picture
from cardscanner.rectify import rectify, whole_picture_corners

Rng = np.random.Generator
Light = NDArray[np.float32]
"""(H, W, 3) float32, 0 to 255, before it is cut off and rounded."""

_BORDER = 0.2
CROP_PX = 224
"""Of the models we ship; second looks are calibrated on captures for it, whatever the model takes."""


@dataclass(frozen=True, slots=True)
class Strength:
    """How bad captures may be; every value is drawn evenly between nothing and this."""

    corner: float
    """Each coordinate of each corner is off by up to this share of the card's width."""
    brightness: float
    """Added light, as a share of full scale, up or down."""
    contrast: float
    """Change of contrast around middle grey, up or down."""
    white_balance: float
    """Change of the gain of each colour, up or down."""
    blur: float
    """Sigma of a Gaussian blur, as a share of the card's width."""
    noise: float
    """Standard deviation of sensor noise, in grey levels."""
    glare: float
    """Light in the middle of one soft elliptic patch, as a share of full scale."""
    jpeg: int
    """Lowest JPEG quality; the highest is 95."""
    smallest: float = 0.8
    largest: float = 1.8
    """Least and largest width of the card, as a multiple of the crop that the model takes."""

    def __str__(self) -> str:
        return (
            f"corners {self.corner:.1%} of the width, brightness {self.brightness:.0%}, "
            f"contrast {self.contrast:.0%}, white balance {self.white_balance:.0%}, "
            f"blur {self.blur:.1%} of the width, noise {self.noise:g}, glare {self.glare:.0%}, "
            f"JPEG {self.jpeg}"
        )


CAPTURE = Strength(
    corner=0.03, brightness=0.15, contrast=0.25, white_balance=0.12, blur=0.008, noise=6, glare=0.7, jpeg=60
)
"""What the box is expected to cope with: corners found within 3 %, a lamp, a little out of focus."""

POOR = Strength(
    corner=0.05, brightness=0.2, contrast=0.35, white_balance=0.12, blur=0.015, noise=6, glare=1.0, jpeg=60,
    smallest=0.3,
)  # fmt: skip
"""A capture that a person would take again: far away, blurred, its outline wrong."""

MILD = Strength(
    corner=0.01, brightness=0.05, contrast=0.1, white_balance=0.04, blur=0.003, noise=2, glare=0.0, jpeg=85
)
"""A very good capture: what differs less than this cannot be told apart by any camera."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A card before a camera, and the outline that a finder would give."""

    picture: Picture
    corners: Corners

    def crop(self, height: int, width: int) -> Picture:
        """Return what is inside the outline."""
        return rectify(self.picture, self.corners, height, width)


def simulate_capture(picture: Picture, height: int, width: int, strength: Strength, rng: Rng) -> Picture:
    """Return the (height, width, 3) crop that a capture of this card would give."""
    return simulate_scene(picture, strength, rng, width).crop(height, width)


def simulate_scene(picture: Picture, strength: Strength, rng: Rng, crop_px: int = CROP_PX) -> Scene:
    """Lay a card on a table of one colour, photograph it, and cut it out badly.

    The card is usually .8 to 1.8 times as wide as the crop that the model takes: for 224 pixels, what a
    camera of 720 lines sees a third of a metre away, and a hand's breadth.
    """
    wide = rng.uniform(strength.smallest, strength.largest) * crop_px
    size = (round(wide), max(1, round(wide * picture.shape[0] / picture.shape[1])))
    how = cv2.INTER_AREA if wide < picture.shape[1] else cv2.INTER_LINEAR
    card = np.asarray(cv2.resize(picture, size, interpolation=how), dtype=np.uint8)
    border = round(wide * _BORDER) + 1
    table = [int(value) for value in rng.integers(0, 256, 3)]
    laid = cv2.copyMakeBorder(
        card, border, border, border, border, borderType=cv2.BORDER_CONSTANT, value=table
    )
    corners = whole_picture_corners(card) + border + rng.uniform(-1, 1, (4, 2)) * strength.corner * wide
    return Scene(_through_camera(laid.astype(np.float32), wide, strength, rng), corners.astype(np.float32))


def _through_camera(light: Light, wide: float, strength: Strength, rng: Rng) -> Picture:
    """Return what a camera makes of it; the card in it is ``wide`` pixels wide."""
    gain = 1.0 + rng.uniform(-strength.white_balance, strength.white_balance, 3)
    contrast = 1.0 + rng.uniform(-strength.contrast, strength.contrast)
    offset = 255.0 * rng.uniform(-strength.brightness, strength.brightness)
    lit = ((light - 127.5) * contrast + 127.5 + offset) * gain
    if strength.glare > 0:
        lit += _glare(light.shape[0], light.shape[1], strength.glare, rng)
    seen = _blurred(lit.astype(np.float32), strength.blur * wide, rng)
    noise = rng.normal(0.0, rng.uniform(0.0, strength.noise), seen.shape)
    return _jpeg(np.clip(np.rint(seen + noise), 0, 255).astype(np.uint8), strength.jpeg, rng)


def _glare(height: int, width: int, most: float, rng: Rng) -> Light:
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    along, across = rng.uniform(0.08, 0.3, 2) * width
    turn = rng.uniform(0, np.pi)
    dx, dy = np.meshgrid(np.arange(width) - x, np.arange(height) - y)
    u, v = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    patch = np.exp(-0.5 * ((u / along) ** 2 + (v / across) ** 2))
    return np.asarray(255.0 * rng.uniform(0, most) * patch[:, :, None], dtype=np.float32)


def _blurred(light: Light, most: float, rng: Rng) -> Light:
    sigma = rng.uniform(0, most)
    if sigma < 0.2:
        return light
    return np.asarray(cv2.GaussianBlur(light, (0, 0), sigma), dtype=np.float32)


def _jpeg(picture: Picture, lowest: int, rng: Rng) -> Picture:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(lowest, 96))]
    _, data = cv2.imencode(".jpg", picture[:, :, ::-1], quality)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)[:, :, ::-1]
