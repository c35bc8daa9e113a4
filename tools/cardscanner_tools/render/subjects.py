"""What stands in the foreground of a procedural illustration: creatures, plants, crystals, machines."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cardscanner.records import Picture
from cardscanner_tools.render.palette import Colour, shade


def blob(rng: Generator, centre: tuple[float, float], radius: float, wobble: float) -> NDArray[np.int32]:
    """Return a smooth closed outline (N, 1, 2): a circle disturbed by a few Fourier terms."""
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    reach = np.ones_like(angle)
    for order in range(2, 8):
        reach += wobble / order * rng.normal() * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    stretch = rng.uniform(0.6, 1.5)
    points = np.stack(
        [
            centre[0] + radius * reach * np.cos(angle) * stretch,
            centre[1] + radius * reach * np.sin(angle) / stretch,
        ],
        axis=1,
    )
    return points.round().astype(np.int32).reshape(-1, 1, 2)


def _spot(rng: Generator, art: Picture) -> tuple[float, float, float]:
    height, width = art.shape[:2]
    size = min(height, width) * rng.uniform(0.15, 0.45)
    return width * rng.uniform(0.25, 0.75), height * rng.uniform(0.3, 0.8), size


def _creature(rng: Generator, art: Picture, colours: list[Colour]) -> None:
    x, y, size = _spot(rng, art)
    outline_px = int(rng.integers(0, 3))
    parts = [blob(rng, (x, y), size, rng.uniform(0.05, 0.5))]
    head = (x + rng.normal() * size * 0.4, y - size * rng.uniform(0.5, 1.1))
    parts.append(blob(rng, head, size * rng.uniform(0.35, 0.7), rng.uniform(0.05, 0.3)))
    for side in (-1, 1):
        limb = (x + side * size * rng.uniform(0.5, 1.0), y + size * rng.uniform(-0.3, 0.9))
        parts.append(blob(rng, limb, size * rng.uniform(0.15, 0.45), 0.3))
        ear = (head[0] + side * size * 0.35, head[1] - size * rng.uniform(0.2, 0.6))
        parts.append(blob(rng, ear, size * rng.uniform(0.1, 0.25), 0.3))
    for number, part in enumerate(parts[::-1]):
        colour = shade(colours[number % 3], rng.uniform(0.7, 1.4))
        cv2.fillPoly(art, [part], colour, cv2.LINE_AA)
        if outline_px:
            cv2.polylines(
                art, [part], isClosed=True, color=(20, 20, 30), thickness=outline_px, lineType=cv2.LINE_AA
            )
    _light(art, parts[0], rng)
    _face(rng, art, head, size)


def _light(art: Picture, outline: NDArray[np.int32], rng: Generator) -> None:
    x, y, w, h = cv2.boundingRect(outline)
    shift = np.array([[[round(w * 0.15 * rng.normal()), -round(h * 0.15)]]])
    layer = art.copy()
    cv2.fillPoly(layer, [((outline - [x, y]) * 0.6 + [x + w * 0.2, y + h * 0.2] + shift).astype(np.int32)],
                 (255, 255, 255), cv2.LINE_AA)  # fmt: skip
    cv2.addWeighted(layer, 0.25, art, 0.75, 0, art)


def _face(rng: Generator, art: Picture, head: tuple[float, float], size: float) -> None:
    radius = max(1, round(size * rng.uniform(0.06, 0.16)))
    for side in (-1, 1):
        eye = (round(head[0] + side * size * rng.uniform(0.15, 0.3)), round(head[1] - size * 0.05))
        cv2.circle(art, eye, radius, (250, 250, 250), -1, cv2.LINE_AA)
        cv2.circle(art, eye, max(1, radius // 2), (10, 10, 20), -1, cv2.LINE_AA)
    mouth = (round(head[0]), round(head[1] + size * 0.15))
    axes = (max(1, round(size * 0.15)), max(1, round(size * 0.07)))
    cv2.ellipse(art, mouth, axes, 0, 0, 180, (30, 10, 20), max(1, radius // 2), cv2.LINE_AA)


def _plant(rng: Generator, art: Picture, colours: list[Colour]) -> None:
    height, width = art.shape[:2]
    root = (width * rng.uniform(0.1, 0.9), float(height))
    _branch(rng, art, root, -np.pi / 2, height * rng.uniform(0.15, 0.35), 5, colours)


def _branch(
    rng: Generator, art: Picture, start: tuple[float, float], angle: float, length: float, depth: int,
    colours: list[Colour],
) -> None:  # fmt: skip
    end = (start[0] + length * np.cos(angle), start[1] + length * np.sin(angle))
    points = (round(start[0]), round(start[1])), (round(end[0]), round(end[1]))
    cv2.line(art, *points, shade(colours[0], 0.5), max(1, depth), cv2.LINE_AA)
    if depth == 0 or length < 3:
        cv2.circle(art, points[1], int(rng.integers(2, 7)), colours[rng.integers(1, 4)], -1, cv2.LINE_AA)
        return
    for _ in range(int(rng.integers(2, 4))):
        _branch(
            rng, art, end, angle + rng.normal() * 0.5, length * rng.uniform(0.55, 0.85), depth - 1, colours
        )


def _crystals(rng: Generator, art: Picture, colours: list[Colour]) -> None:
    x, y, size = _spot(rng, art)
    for _ in range(int(rng.integers(4, 14))):
        angle, reach = rng.uniform(0, 2 * np.pi), size * rng.uniform(0.5, 1.6)
        tip = np.array([x + reach * np.cos(angle), y + reach * np.sin(angle)])
        side = np.array([-np.sin(angle), np.cos(angle)]) * size * rng.uniform(0.08, 0.3)
        foot = np.array([x, y])
        for edge, factor in ((side, 0.7), (-side, 1.4)):
            facet = np.array([foot, foot * 0.4 + tip * 0.6 + edge, tip]).round().astype(np.int32)
            cv2.fillConvexPoly(art, facet, shade(colours[rng.integers(4)], factor), cv2.LINE_AA)


def _machine(rng: Generator, art: Picture, colours: list[Colour]) -> None:
    x, y, size = _spot(rng, art)
    for _ in range(int(rng.integers(3, 12))):
        box = (
            (x + rng.normal() * size * 0.6, y + rng.normal() * size * 0.6),
            (size * rng.uniform(0.1, 1.2), size * rng.uniform(0.1, 0.8)),
            float(rng.choice([0, 0, 45, 90, rng.uniform(0, 90)])),
        )
        corners = cv2.boxPoints(box).round().astype(np.int32)
        cv2.fillConvexPoly(art, corners, shade(colours[rng.integers(5)], rng.uniform(0.5, 1.5)), cv2.LINE_AA)
        cv2.polylines(art, [corners], True, (15, 15, 15), 1, cv2.LINE_AA)
    for _ in range(int(rng.integers(1, 5))):
        centre = (round(x + rng.normal() * size * 0.5), round(y + rng.normal() * size * 0.5))
        radius = max(2, round(size * rng.uniform(0.08, 0.3)))
        cv2.circle(art, centre, radius, colours[rng.integers(5)], -1, cv2.LINE_AA)
        cv2.circle(art, centre, max(1, radius // 2), (30, 30, 30), 1, cv2.LINE_AA)


def _emblem(rng: Generator, art: Picture, colours: list[Colour]) -> None:
    x, y, size = _spot(rng, art)
    spikes = int(rng.integers(3, 12))
    inner = rng.uniform(0.3, 0.8)
    for ring, colour in zip(np.linspace(1, 0.2, int(rng.integers(1, 5))), colours, strict=False):
        angle = np.linspace(0, 2 * np.pi, 2 * spikes, endpoint=False) + rng.uniform(0, 1)
        reach = size * ring * np.where(np.arange(2 * spikes) % 2, inner, 1.0)
        star = np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle)], axis=1)
        cv2.fillPoly(art, [star.round().astype(np.int32)], colour, cv2.LINE_AA)


def _ribbons(rng: Generator, art: Picture, colours: list[Colour]) -> None:
    height, width = art.shape[:2]
    steps = np.linspace(0, 1, 40)
    for colour in colours[: rng.integers(1, 5)]:
        controls = rng.random((4, 2)) * [width * 1.4, height * 1.4] - [width * 0.2, height * 0.2]
        weights = np.stack(
            [(1 - steps) ** 3, 3 * steps * (1 - steps) ** 2, 3 * steps**2 * (1 - steps), steps**3], 1
        )
        curve = (weights @ controls).round().astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(art, [curve], False, colour, int(rng.integers(2, 4 + width // 12)), cv2.LINE_AA)


SUBJECTS: list[Callable[[Generator, Picture, list[Colour]], None]] = [
    _creature,
    _creature,
    _creature,
    _plant,
    _crystals,
    _machine,
    _emblem,
    _ribbons,
]
