"""Rendered cards to hold two forms of one network against each other: a gallery, and captures of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from cardscanner.errors import InputError
from cardscanner.manifest import ModelManifest
from cardscanner.ports import Embedder
from cardscanner.records import Batch, Picture, Vectors
from cardscanner.rectify import rectify, whole_picture_corners
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import CardSpec, catalogue
from cardscanner_tools.scene.capture import CLEAN, HARD, USUAL, CaptureStyle, capture

CALIBRATION_SEED = 5101
TRIAL_SEED = 5202
"""Neither is a seed of training (1) or of its validation (1001): these are other cards, in other scenes."""
_CHUNK = 16
_CAPTURES_PER_CARD = 4


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Query ``i`` is a capture of gallery card ``i``; the rest of the gallery only distracts."""

    gallery: Batch
    queries: Batch

    @classmethod
    def render(cls, seed: int, cards: int, queries: int, size: int) -> Trial:
        """Render ``cards`` different cards (no reprints) and a capture of some, half usual and half hard."""
        if not 1 <= queries <= cards:
            raise InputError(
                f"a trial needs at least one query, and no more queries ({queries}) than cards ({cards})"
            )
        specs = catalogue(cards, seed, reprint_share=0.0)
        draw = np.random.default_rng([seed, 7])
        gallery = np.empty((cards, size, size, 3), np.uint8)
        captures = np.empty((queries, size, size, 3), np.uint8)
        for number, spec in enumerate(tqdm(specs, desc="rendering the trial", mininterval=2)):
            face = render_card(spec, _face_height(size))
            gallery[number] = rectify(face, whole_picture_corners(face), size, size)
            if number < queries:
                captures[number] = capture(draw, face, (USUAL, HARD)[number % 2], size)
        return cls(gallery, captures)


def calibration_crops(seed: int, count: int, size: int) -> Batch:
    """Return ``count`` captures (count, size, size, 3) of rendered cards, drawn by the seed.

    They go through the product's own rectification, with corners as wrong as a finder's; one in ten is a
    clean view, as references are.
    """
    specs = catalogue(-(-count // _CAPTURES_PER_CARD), seed)
    draw = np.random.default_rng([seed, 3])
    crops = np.empty((count, size, size, 3), np.uint8)
    with tqdm(total=count, desc="drawing calibration captures", mininterval=2) as bar:
        for number, crop in enumerate(_captures(draw, specs, count, size)):
            crops[number] = crop
            bar.update()
    return crops


def square_side(manifest: ModelManifest) -> int:
    """Return the side of a model's crops; captures are drawn square."""
    if manifest.input.height != manifest.input.width:
        raise InputError(
            f"{manifest.name} takes {manifest.input.height} x {manifest.input.width} crops; "
            "captures to calibrate and compare with are only drawn square"
        )
    return manifest.input.height


def embedded(embedder: Embedder, crops: Batch, what: str) -> Vectors:
    """Embed many crops with a progress bar."""
    starts = tqdm(range(0, len(crops), _CHUNK), desc=what, mininterval=2)
    return np.concatenate([embedder.embed(crops[at : at + _CHUNK]) for at in starts])


def cosines(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the cosine of each pair of rows; NaN where a row has no direction."""
    first, second = one.astype(np.float64), other.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            (first * second).sum(axis=1) / (np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1))
        )


def top1(gallery: NDArray[np.floating], queries: NDArray[np.floating]) -> float:
    """Return the share of queries whose nearest gallery row is their own."""
    return float(((queries @ gallery.T).argmax(axis=1) == np.arange(len(queries))).mean())


def _captures(draw: Generator, specs: Sequence[CardSpec], count: int, size: int) -> Iterator[Picture]:
    for number in range(count):
        if number % _CAPTURES_PER_CARD == 0:
            face = render_card(specs[number // _CAPTURES_PER_CARD], _face_height(size))
        yield capture(draw, face, _style(draw), size)


def _style(draw: Generator) -> CaptureStyle:
    return (CLEAN, USUAL, HARD)[int(draw.choice(3, p=[0.1, 0.55, 0.35]))]


def _face_height(size: int) -> int:
    """Half as high again as the crop, so that no capture enlarges what was drawn."""
    return round(1.5 * size)
