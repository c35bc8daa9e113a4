"""Drawing an invented card: 63 x 88 mm, any size in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from cardscanner.records import Picture
from cardscanner_tools.render.art import noise_field, paint_art
from cardscanner_tools.render.catalogue import CardSpec
from cardscanner_tools.render.lettering import face_count, font, wrap
from cardscanner_tools.render.palette import Colour, hsv, shade

ASPECT = 63 / 88
"""Width by height of a trading card."""
CORNER_RADIUS = 3.2 / 63
"""Radius of the rounded corners by the card's width."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """How the cards of one frame seed are laid out; lengths are shares of the card's height."""

    border: float
    border_colour: Colour
    title: float
    art_top: float
    art_bottom: float
    art_inset: float
    full_art: bool
    text_first: bool
    bar: bool
    dark: bool
    textured: bool
    faces: tuple[int, int]
    body_saturation: float
    outline: int


def render_card(spec: CardSpec, height: int = 336, pictures: Sequence[Picture] = ()) -> Picture:
    """Return the (height, round(height * 63 / 88), 3) face of a card, corners square.

    ``pictures`` are free images that the illustration may borrow from (see :func:`paint_art`).
    """
    frame = _frame(spec.frame)
    width = round(height * ASPECT)
    rng = np.random.default_rng(spec.art)
    body = _body(spec, frame, height, width)
    top, bottom, left, right = _window(frame, height, width)
    body[top:bottom, left:right] = paint_art(rng, bottom - top, right - left, pictures)
    if frame.full_art:
        _veil(body, frame, height, width)
    _edge(body, frame, (left, top, right, bottom))
    canvas = Image.fromarray(body)
    _write(canvas, spec, frame)
    return np.array(canvas)


def rounded_mask(height: int, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Return a (height, width) uint8 mask of a card: 255 inside, rounded corners cut."""
    mask = np.zeros((height, width), np.uint8)
    radius = max(1, round(width * CORNER_RADIUS))
    cv2.rectangle(mask, (radius, 0), (width - 1 - radius, height - 1), 255, -1)
    cv2.rectangle(mask, (0, radius), (width - 1, height - 1 - radius), 255, -1)
    for x in (radius, width - 1 - radius):
        for y in (radius, height - 1 - radius):
            cv2.circle(mask, (x, y), radius, 255, -1, cv2.LINE_AA)
    return mask


def _frame(seed: int) -> _Frame:
    rng = np.random.default_rng(seed)
    full_art = bool(rng.random() < 0.25)
    borders: list[Colour] = [(245, 205, 60), (225, 225, 230), (20, 20, 24), (250, 250, 250), (190, 195, 205)]
    colour = (
        borders[rng.integers(len(borders))]
        if rng.random() < 0.7
        else hsv(rng.random(), 0.6, rng.uniform(0.2, 1))
    )
    title = rng.uniform(0.06, 0.1)
    art_top = title + rng.uniform(0.02, 0.05)
    return _Frame(
        border=0.0 if rng.random() < 0.12 else rng.uniform(0.015, 0.045),
        border_colour=colour,
        title=title,
        art_top=art_top,
        art_bottom=art_top + rng.uniform(0.33, 0.5),
        art_inset=rng.uniform(0.0, 0.06),
        full_art=full_art,
        text_first=bool(rng.random() < 0.08),
        bar=bool(rng.random() < 0.5),
        dark=bool(rng.random() < 0.25),
        textured=bool(rng.random() < 0.5),
        faces=(int(rng.integers(face_count())), int(rng.integers(face_count()))),
        body_saturation=rng.uniform(0.1, 0.7),
        outline=int(rng.integers(0, 3)),
    )


def _body_colour(spec: CardSpec, frame: _Frame) -> Colour:
    value = 0.3 if frame.dark else 0.9
    return hsv(spec.element / 10, frame.body_saturation, value)


def _body(spec: CardSpec, frame: _Frame, height: int, width: int) -> Picture:
    body = np.empty((height, width, 3), np.uint8)
    body[:] = frame.border_colour
    inset = round(frame.border * height)
    inner = body[inset : height - inset, inset : width - inset]
    inner[:] = _body_colour(spec, frame)
    if frame.textured:
        rng = np.random.default_rng(frame.faces[0] * 97 + spec.element)
        wave = noise_field(rng, inner.shape[0], inner.shape[1], 3, 4)[..., None] - 0.5
        inner[:] = np.clip(inner + wave * 60, 0, 255).astype(np.uint8)
    return body


def _window(frame: _Frame, height: int, width: int) -> tuple[int, int, int, int]:
    inset = round(frame.border * height)
    if frame.full_art:
        return inset, height - inset, inset, width - inset
    side = inset + round(frame.art_inset * width)
    top, bottom = frame.art_top, frame.art_bottom
    if frame.text_first:
        top, bottom = 0.92 - (bottom - top), 0.92
    return round(top * height), round(bottom * height), side, width - side


def _veil(body: Picture, frame: _Frame, height: int, width: int) -> None:
    """Lighten or darken the lower part of a full-art card so that text can be read."""
    top, inset = round(height * 0.58), round(frame.border * height)
    part = body[top : height - inset, inset : width - inset]
    ground = 0 if frame.dark else 255
    part[:] = (part * 0.55 + ground * 0.45).astype(np.uint8)


def _edge(body: Picture, frame: _Frame, window: tuple[int, int, int, int]) -> None:
    if frame.outline and not frame.full_art:
        left, top, right, bottom = window
        colour = shade(frame.border_colour, 0.6)
        cv2.rectangle(body, (left, top), (right - 1, bottom - 1), colour, frame.outline)


def _write(canvas: Image.Image, spec: CardSpec, frame: _Frame) -> None:
    pen = ImageDraw.Draw(canvas)
    width, height = canvas.size
    inset = round(frame.border * height) + round(0.02 * height)
    ink: Colour = (245, 245, 245) if frame.dark else (15, 15, 15)
    if frame.bar:
        bar = shade(_body_colour(spec, frame), 1.6 if not frame.dark else 0.6)
        pen.rectangle((inset, inset, width - inset, round(frame.title * height) + inset // 2), fill=bar)
    title = font(frame.faces[0], round(height * 0.045))
    pen.text((inset + 2, inset), spec.name, fill=ink, font=title)
    points = str(spec.points)
    pen.text((width - inset - title.getlength(points) - 2, inset), points, fill=(200, 30, 30), font=title)
    _rules(pen, spec, frame, inset, (width, height), ink)
    _footer(pen, spec, frame, inset, (width, height), ink)


def _rules(
    pen: ImageDraw.ImageDraw, spec: CardSpec, frame: _Frame, inset: int, size: tuple[int, int], ink: Colour
) -> None:
    width, height = size
    face = font(frame.faces[1], round(height * 0.031))
    top = 0.62 if frame.full_art else (frame.title + 0.03 if frame.text_first else frame.art_bottom + 0.02)
    y, end = top * height, (0.5 if frame.text_first else 0.9) * height
    for rule in spec.rules:
        for line in wrap(rule, face, width - 2 * inset - 6):
            if y + face.size > end:
                return
            pen.text((inset + 3, y), line, fill=ink, font=face)
            y += face.size * 1.15
        y += face.size * 0.5


def _footer(
    pen: ImageDraw.ImageDraw, spec: CardSpec, frame: _Frame, inset: int, size: tuple[int, int], ink: Colour
) -> None:
    height = size[1]
    face = font(frame.faces[1], round(height * 0.026))
    text = f"{spec.number}/{spec.set_size}"
    y = height - inset - face.size
    pen.text((inset + 2, y), text, fill=ink, font=face)
    _symbol(pen, spec.symbol, (inset + 8 + face.getlength(text), y), face.size, ink)


def _symbol(pen: ImageDraw.ImageDraw, seed: int, at: tuple[float, float], side: float, ink: Colour) -> None:
    rng: Generator = np.random.default_rng(seed)
    x, y = at
    spikes = int(rng.integers(3, 8))
    angle = np.linspace(0, 2 * np.pi, 2 * spikes, endpoint=False) + rng.uniform(0, 3)
    reach = side / 2 * np.where(np.arange(2 * spikes) % 2, rng.uniform(0.3, 1.0), 1.0)
    points = [
        (x + side / 2 + r * np.cos(a), y + side / 2 + r * np.sin(a))
        for r, a in zip(reach, angle, strict=True)
    ]
    pen.polygon(points, fill=hsv(rng.random(), 0.8, 0.5) if rng.random() < 0.5 else ink)
