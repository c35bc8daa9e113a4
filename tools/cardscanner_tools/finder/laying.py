"""Laying cards into a drawn frame: shadow, sleeve, glare, fingers, the page behind, the stand in front."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

from cardscanner.records import Corners, Picture
from cardscanner_tools.finder.warp import warp_onto
from cardscanner_tools.render.cards import rounded_mask
from cardscanner_tools.scene import effects


def lay_card(rng: Generator, view: Picture, face: Picture, outline: Corners, *, sleeved: bool) -> None:
    """Draw one card into its outline, with its shadow, sleeve, reflections and fingers."""
    mask = rounded_mask(*face.shape[:2])
    width = float(np.linalg.norm(outline[1] - outline[0]))
    if rng.random() < 0.6:
        shift = rng.normal(0, 0.015, 2) * width
        dark = np.zeros_like(face)
        warp_onto(view, dark, mask, outline + shift.astype(np.float32), rng.uniform(0.1, 0.6), 0.01 * width)
    if sleeved and rng.random() < 0.6:  # an opaque back that shows around the card
        warp_onto(view, _film(rng), np.full((88, 63), 255, np.uint8), _grown(rng, outline), 1.0)
    warp_onto(view, face, mask, outline, 1.0)
    if sleeved:
        warp_onto(
            view, _film(rng), np.full((88, 63), 255, np.uint8), _grown(rng, outline), rng.uniform(0.03, 0.25)
        )
    if rng.random() < 0.25:
        _glare(rng, view, outline)
    if rng.random() < 0.12:
        part = view[_box(_grown(rng, outline, 1.25))]
        if part.size:
            part[:] = effects.fingers(rng, np.ascontiguousarray(part), rng.uniform(0.1, 0.35))


def _box(outline: Corners) -> tuple[slice, slice]:
    x, y, width, height = cv2.boundingRect(np.round(outline).astype(np.int32))
    return slice(max(y, 0), max(y + height, 0)), slice(max(x, 0), max(x + width, 0))


def _film(rng: Generator) -> Picture:
    return (
        np.broadcast_to(rng.uniform(0, 255) + rng.normal(0, 12, 3), (88, 63, 3)).clip(0, 255).astype(np.uint8)
    )


def _grown(rng: Generator, outline: Corners, factor: float | None = None) -> Corners:
    centre = outline.mean(axis=0)
    grow = rng.uniform(1.02, 1.09) if factor is None else factor
    return np.asarray((outline - centre) * grow + centre + rng.normal(0, 0.3, 2), np.float32)


def _glare(rng: Generator, view: Picture, outline: Corners) -> None:
    where = np.zeros(view.shape[:2], np.uint8)
    cv2.fillConvexPoly(where, np.round(outline).astype(np.int32), 255)
    box = _box(outline)
    part = view[box]
    if part.size:
        inside = effects.as_mask(where[box])
        part[:] = effects.glare(rng, np.ascontiguousarray(part), 1.5, inside)


def lay_sheet(rng: Generator, view: Picture, outlines: Sequence[Corners]) -> None:
    """The page of a binder behind the cards."""
    if not outlines:
        return
    hull = cv2.convexHull(np.concatenate(outlines))[:, 0]
    page = np.round((hull - hull.mean(axis=0)) * rng.uniform(1.05, 1.3) + hull.mean(axis=0)).astype(np.int32)
    level = float(rng.choice([rng.uniform(5, 50), rng.uniform(180, 250)]))
    cv2.fillConvexPoly(view, page, [level] * 3, cv2.LINE_AA)


def lay_stand(rng: Generator, view: Picture, outline: Corners) -> None:
    """Something in front of one side: the lip of a stand, a finger-wide bar."""
    side = int(rng.integers(4))
    a, b = outline[side], outline[(side + 1) % 4]
    along = (b - a) / max(1e-6, float(np.linalg.norm(b - a)))
    away = np.array([along[1], -along[0]])
    thick = 0.12 * float(np.linalg.norm(b - a))
    bar = np.array([a - along * thick + away * 2, b + along * thick + away * 2])
    quad = np.concatenate([bar, bar[::-1] + away * thick])
    tone = rng.uniform(60, 230) * np.array([1, 0.8, 0.6])
    cv2.fillConvexPoly(view, np.round(quad).astype(np.int32), tone.tolist(), cv2.LINE_AA)
