"""Procedural illustrations: a backdrop, one to three subjects, an atmosphere.

They need not please; they have to be as different from each other as the art of real cards is, in colour,
layout and texture, because an embedding trained on them must tell apart pictures it has never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cardscanner.records import Picture
from cardscanner_tools.render.palette import Colour, ramp, scheme, shade
from cardscanner_tools.render.subjects import SUBJECTS

Field = NDArray[np.float32]
"""(H, W) float32 in 0..1."""


def paint_art(
    rng: Generator, height: int, width: int, pictures: Sequence[Picture] = (), picture_share: float = 0.5
) -> Picture:
    """Return a new (height, width, 3) illustration.

    ``pictures`` are optional free images; a share of the illustrations then uses pieces of them as backdrop
    or subject, turned, mirrored and recoloured.
    """
    colours = scheme(rng)
    borrow = len(pictures) > 0 and rng.random() < picture_share
    if borrow and rng.random() < 0.5:
        art = _borrowed(rng, height, width, pictures)
    else:
        backdrop = BACKDROPS[rng.integers(len(BACKDROPS))]
        art = backdrop(rng, height, width, colours)
    for _ in range(int(rng.choice([0, 1, 1, 1, 2, 3]))):
        if borrow and rng.random() < 0.6:
            _paste_borrowed(rng, art, pictures)
        else:
            SUBJECTS[rng.integers(len(SUBJECTS))](rng, art, scheme(rng))
    return _atmosphere(rng, art)


def noise_field(rng: Generator, height: int, width: int, octaves: int = 4, base: int = 3) -> Field:
    """Return fractal value noise, stretched to 0..1."""
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(octaves):
        cells = base * 2**octave
        grid = rng.random((cells + 1, cells + 1), dtype=np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def _plane(height: int, width: int) -> tuple[Field, Field]:
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return columns / max(width - 1, 1), rows / max(height - 1, 1)


def _gradient(rng: Generator, height: int, width: int, colours: list[Colour]) -> Picture:
    across, down = _plane(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    field = across * np.cos(angle) + down * np.sin(angle)
    field = (field - field.min()) / (np.ptp(field) + 1e-6)
    return ramp(colours[: rng.integers(2, 5)], field + 0.15 * (noise_field(rng, height, width) - 0.5))


def _marble(rng: Generator, height: int, width: int, colours: list[Colour]) -> Picture:
    bend = noise_field(rng, height, width, 3)
    across, down = _plane(height, width)
    waves = rng.uniform(1, 8)
    return ramp(colours, 0.5 + 0.5 * np.sin(waves * 2 * np.pi * (across * rng.normal() + down + bend * 1.5)))


def _clouds(rng: Generator, height: int, width: int, colours: list[Colour]) -> Picture:
    return ramp(colours, noise_field(rng, height, width, int(rng.integers(2, 7)), int(rng.integers(2, 6))))


def _burst(rng: Generator, height: int, width: int, colours: list[Colour]) -> Picture:
    across, down = _plane(height, width)
    dx, dy = across - rng.uniform(0.1, 0.9), (down - rng.uniform(0.1, 0.9)) * height / width
    angle, radius = np.arctan2(dy, dx), np.hypot(dx, dy)
    twist, rays = rng.choice([0, 0, 3, 8]), int(rng.integers(4, 28))
    field = 0.5 + 0.5 * np.sin(angle * rays + radius * twist * 2 * np.pi)
    if rng.random() < 0.5:
        field = np.round(field)
    return ramp(colours, 0.7 * field.astype(np.float32) + 0.3 * np.clip(1 - radius, 0, 1))


def _cells(rng: Generator, height: int, width: int, colours: list[Colour]) -> Picture:
    points = rng.random((int(rng.integers(8, 60)), 2), dtype=np.float32)
    small_h, small_w = max(height // 2, 1), max(width // 2, 1)
    across, down = _plane(small_h, small_w)
    distance = (across[..., None] - points[:, 0]) ** 2 + (down[..., None] - points[:, 1]) ** 2
    nearest = np.argmin(distance, axis=2).astype(np.uint8)
    picks = np.array(
        [shade(colours[rng.integers(len(colours))], rng.uniform(0.5, 1.5)) for _ in points], np.uint8
    )
    return np.asarray(cv2.resize(picks[nearest], (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def _hills(rng: Generator, height: int, width: int, colours: list[Colour]) -> Picture:
    art = _gradient(rng, height, width, colours[:3])
    if rng.random() < 0.6:
        centre = (int(rng.integers(width)), int(rng.integers(height // 2 + 1)))
        cv2.circle(
            art, centre, int(rng.integers(4, 4 + max(width // 6, 1))), shade(colours[3], 1.8), -1, cv2.LINE_AA
        )
    layers = int(rng.integers(2, 6))
    for layer in range(layers):
        rough = noise_field(rng, 2, width, int(rng.integers(2, 7)), int(rng.integers(2, 5)))[0]
        top = height * (0.25 + 0.6 * layer / layers + 0.3 * (rough - 0.5))
        edge = np.stack([np.arange(width), top], axis=1)
        outline = np.concatenate([edge, [[width, height], [0, height]]]).astype(np.int32)
        colour = shade(colours[layer % len(colours)], 0.4 + 0.9 * layer / layers)
        cv2.fillPoly(art, [outline], colour, cv2.LINE_AA)
    return art


def _tiles(rng: Generator, height: int, width: int, colours: list[Colour]) -> Picture:
    across, down = _plane(height, width)
    count = rng.uniform(3, 14)
    angle = rng.uniform(0, np.pi)
    first = np.floor(count * (across * np.cos(angle) + down * np.sin(angle)))
    second = np.floor(count * rng.choice([0, 0.5, 1]) * (down * np.cos(angle) - across * np.sin(angle)))
    return ramp(colours, np.mod(first * 0.37 + second * 0.61, 1.0).astype(np.float32))


BACKDROPS: list[Callable[[Generator, int, int, list[Colour]], Picture]] = [
    _gradient,
    _marble,
    _clouds,
    _burst,
    _cells,
    _hills,
    _hills,
    _tiles,
]


def _borrowed(rng: Generator, height: int, width: int, pictures: Sequence[Picture]) -> Picture:
    source = pictures[int(rng.integers(len(pictures)))]
    rows, columns = source.shape[:2]
    share = rng.uniform(0.4, 1.0)
    crop_h = max(8, int(min(rows, columns * height / width) * share))
    crop_w = max(8, min(columns, int(crop_h * width / height)))
    top, left = rng.integers(0, rows - crop_h + 1), rng.integers(0, columns - crop_w + 1)
    piece = source[top : top + crop_h, left : left + crop_w]
    piece = piece[:, ::-1] if rng.random() < 0.5 else piece
    piece = np.asarray(cv2.resize(piece, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return _recolour(rng, piece) if rng.random() < 0.5 else np.ascontiguousarray(piece)


def _recolour(rng: Generator, art: Picture) -> Picture:
    planes = cv2.cvtColor(art, cv2.COLOR_RGB2HSV)
    planes[..., 0] = (planes[..., 0].astype(np.int16) + rng.integers(180)) % 180
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_HSV2RGB), dtype=np.uint8)


def _paste_borrowed(rng: Generator, art: Picture, pictures: Sequence[Picture]) -> None:
    height, width = art.shape[:2]
    side_h, side_w = int(height * rng.uniform(0.3, 0.9)), int(width * rng.uniform(0.3, 0.9))
    piece = _borrowed(rng, side_h, side_w, pictures)
    mask = np.zeros((side_h, side_w), np.uint8)
    cv2.ellipse(mask, (side_w // 2, side_h // 2), (side_w // 2, side_h // 2), 0, 0, 360, 255, -1, cv2.LINE_AA)
    background = piece[0, 0].astype(np.int16)
    if rng.random() < 0.7:
        # Clip art mostly stands on a plain ground: what differs from its corner is the subject.
        mask = np.where(np.abs(piece.astype(np.int16) - background).sum(2) > 30, 255, 0).astype(np.uint8)
    top, left = rng.integers(0, height - side_h + 1), rng.integers(0, width - side_w + 1)
    place = art[top : top + side_h, left : left + side_w]
    place[...] = np.where(mask[..., None] > 127, piece, place)


def _atmosphere(rng: Generator, art: Picture) -> Picture:
    kind = rng.integers(6)
    height, width = art.shape[:2]
    if kind == 0:  # glow
        glow = cv2.GaussianBlur(art, (0, 0), max(width / 25, 1))
        art = np.asarray(cv2.addWeighted(art, 0.75, glow, 0.45, 0), np.uint8)
    elif kind == 1:  # brush grain
        grain = noise_field(rng, height, width, 3, 24)[..., None] - 0.5
        art = np.clip(art + grain * 70, 0, 255).astype(np.uint8)
    elif kind == 2:  # sparks
        for _ in range(int(rng.integers(5, 60))):
            centre = (int(rng.integers(width)), int(rng.integers(height)))
            cv2.circle(
                art, centre, int(rng.integers(1, 4)), (255, 255, int(rng.integers(120, 256))), -1, cv2.LINE_AA
            )
    elif kind == 3:  # vignette
        across, down = _plane(height, width)
        dark = 1 - 0.9 * ((across - 0.5) ** 2 + (down - 0.5) ** 2)
        art = (art * dark[..., None]).astype(np.uint8)
    return np.ascontiguousarray(art)
