"""What a camera and a room do to a picture: light, glare, foil, blur, noise, compression.

Each effect takes a generator and a picture (H, W, 3) uint8 and returns a new one; ``strength`` 0 leaves the
picture alone, 1 is a usual desk, 2 is a bad one.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cardscanner.records import Picture

Mask = NDArray[np.float32]
"""(H, W) float32 in 0..1."""

_GRAIN = np.random.default_rng(0).standard_normal(3_000_000, dtype=np.float32)
"""Noise drawn once: each picture uses a stretch of it from a random start."""

_RAINBOW = (
    np.clip(
        [
            [127.5 + 127.5 * np.cos(2 * np.pi * (level / 256 + shift / 3)) for shift in range(3)]
            for level in range(256)
        ],
        0,
        255,
    )
    .astype(np.uint8)
    .reshape(1, 256, 3)
)


def blend(over: Picture, under: Picture, amount: Mask) -> Picture:
    """``over`` where ``amount`` is 1, ``under`` where it is 0."""
    return np.asarray(cv2.blendLinear(over, under, amount, 1 - amount), dtype=np.uint8)


def as_mask(covered: NDArray[Any]) -> Mask:
    """Return a 0..255 mask as amounts 0..1."""
    return np.asarray(covered.astype(np.float32) / 255, np.float32)


def light(rng: Generator, picture: Picture, strength: float) -> Picture:
    """Brightness, contrast, tone curve, colour temperature and a gradient across the picture."""
    height, width = picture.shape[:2]
    levels = np.linspace(0, 1, 256) ** np.exp(rng.normal(0, 0.2 * strength))
    pivot, contrast = rng.uniform(0.25, 0.75), np.exp(rng.normal(0, 0.12 * strength))
    gains = (1 + rng.normal(0, 0.06 * strength, 3)) * np.exp(
        np.clip(rng.normal(0, 0.18 * strength), -0.7, 0.5)
    )
    tones = ((levels - pivot) * contrast + pivot)[:, None] * gains * 255
    toned = cv2.LUT(picture, np.clip(tones, 0, 255).astype(np.uint8).reshape(1, 256, 3))
    slope_x, slope_y = rng.normal(0, 0.25 * strength, 2)
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32) * slope_x
    down = np.linspace(-0.5, 0.5, height, dtype=np.float32) * slope_y
    gradient = np.clip(1 + across[None, :] + down[:, None], 0.4, 1.6).astype(np.float32)
    return np.asarray(cv2.multiply(toned, cv2.merge([gradient] * 3), dtype=cv2.CV_8U), dtype=np.uint8)


def soft_spot(rng: Generator, height: int, width: int, radius: tuple[float, float]) -> Mask:
    """One soft elliptic spot somewhere on the picture; ``radius`` is a range of shares of the height."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    a, b = rng.uniform(*radius, 2) * height
    angle = rng.uniform(0, np.pi)
    u = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
    v = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
    return np.asarray(np.exp(-((u / a) ** 2 + (v / b) ** 2) * rng.uniform(0.5, 1.5)), np.float32)


def glare(rng: Generator, picture: Picture, strength: float, where: Mask | None = None) -> Picture:
    """The image of a lamp on gloss or sleeve: a spot that saturates; ``where`` limits it to the card."""
    height, width = picture.shape[:2]
    spot = soft_spot(rng, height, width, (0.03, 0.08 + 0.12 * strength))
    amount = np.clip(spot * rng.uniform(0.5, 0.7 + 0.9 * strength), 0, 1)
    if where is not None:
        amount = amount * where
    tint = np.empty_like(picture)
    tint[:] = 255 - rng.uniform(0, 25, 3)
    return blend(tint, picture, amount)


def foil(rng: Generator, picture: Picture, strength: float, where: Mask | None = None) -> Picture:
    """Rainbow bands of a holographic print; they move with the view, so they carry no identity."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), width * rng.uniform(0.15, 0.8)
    phase = (columns * np.cos(angle) + rows * np.sin(angle)) / period + rng.random()
    rainbow = cv2.LUT((phase * 256).astype(np.int32).astype(np.uint8)[..., None].repeat(3, axis=2), _RAINBOW)
    amount = rng.uniform(0.05, 0.25) * strength * soft_spot(rng, height, width, (0.3, 1.0))
    if where is not None:
        amount = amount * where
    return np.asarray(
        cv2.add(picture, cv2.multiply(rainbow, cv2.merge([amount] * 3), dtype=cv2.CV_8U)), np.uint8
    )


def shadow(rng: Generator, picture: Picture, strength: float) -> Picture:
    """A straight soft shadow edge across the picture."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    distance = (columns - rng.uniform(0, width)) * np.cos(angle) + (rows - rng.uniform(0, height)) * np.sin(
        angle
    )
    soft = width * rng.uniform(0.02, 0.2)
    dark = 1 / (1 + np.exp(-np.clip(distance / soft, -30, 30)))
    left = (1 - min(0.45 * strength, 0.7) * dark).astype(np.float32)
    return np.asarray(cv2.multiply(picture, cv2.merge([left] * 3), dtype=cv2.CV_8U), dtype=np.uint8)


def blur(rng: Generator, picture: Picture, strength_px: float) -> Picture:
    """Focus or motion blur of about ``strength_px`` pixels."""
    if strength_px < 0.3:
        return picture
    if rng.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), strength_px), dtype=np.uint8)
    length = max(2, round(strength_px * 3))
    kernel = np.zeros((length, length), np.float32)
    middle, angle = (length - 1) / 2, rng.uniform(0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * middle
    ends = [tuple(int(v) for v in np.round(middle + sign * reach)) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), dtype=np.uint8)


def sensor(rng: Generator, picture: Picture, strength: float) -> Picture:
    """Noise that grows with brightness (photons) on top of a constant part (readout)."""
    levels = np.arange(256, dtype=np.float32)
    sigma = strength * (rng.uniform(0.5, 3.0) + rng.uniform(0, 0.25) * np.sqrt(levels))
    spread = cv2.LUT(picture, sigma.astype(np.float32))
    grain = _GRAIN[(start := int(rng.integers(_GRAIN.size // 2))) : start + picture.size]
    if grain.size < picture.size:  # larger than the bank: draw it
        grain = rng.standard_normal(picture.size, dtype=np.float32)
    noisy = cv2.multiply(spread, grain.reshape(picture.shape))
    return np.asarray(cv2.add(picture, noisy, dtype=cv2.CV_8U), dtype=np.uint8)


def compress(picture: Picture, quality: int) -> Picture:
    """What JPEG leaves of the picture."""
    done, data = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("OpenCV could not encode the picture as JPEG")
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1])


def fingers(rng: Generator, picture: Picture, share: float, mask: Mask | None = None) -> Picture:
    """Cover up to ``share`` of the picture with finger-like shapes that come in from one edge."""
    height, width = picture.shape[:2]
    covered = np.zeros((height, width), np.uint8)
    skin = np.array([224, 172, 140]) * rng.uniform(0.35, 1.1) + rng.normal(0, 8, 3)
    side = rng.integers(4)
    count, thick = int(rng.integers(1, 4)), min(width, height) * rng.uniform(0.12, 0.2)
    start = rng.uniform(0.1, 0.7)
    for number in range(count):
        along = start + number * thick * 1.1 / max(width, height)
        reach = rng.uniform(0.3, 1.0) * share * 2.2
        edge = {0: (along, 0.0), 1: (along, 1.0), 2: (0.0, along), 3: (1.0, along)}[int(side)]
        tip = {0: (along, reach), 1: (along, 1 - reach), 2: (reach, along), 3: (1 - reach, along)}[int(side)]
        a = (round(edge[0] * width), round(edge[1] * height))
        b = (round(tip[0] * width), round(tip[1] * height))
        cv2.line(covered, a, b, 255, max(2, round(thick)), cv2.LINE_AA)
    soft = as_mask(cv2.GaussianBlur(covered, (0, 0), max(1.0, thick / 12)))
    if mask is not None:
        soft = soft * mask
    hand = np.empty_like(picture)
    hand[:] = np.clip(skin, 20, 250)
    return blend(hand, picture, soft)
