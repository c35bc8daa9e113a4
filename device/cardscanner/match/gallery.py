"""The references as the calibration sees them: vectors to search, pictures to simulate captures of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardscanner.match.captures import Scene, Strength, simulate_scene
from cardscanner.match.embedding import BATCH, embed_crops
from cardscanner.match.exact import ExactIndex
from cardscanner.match.not_cards import draw_not_card
from cardscanner.match.unit_vectors import Stored
from cardscanner.pictures import read_picture
from cardscanner.ports import Embedder
from cardscanner.records import Picture, Vectors
from cardscanner.rectify import turned, whole_picture_corners


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """One row for each reference picture."""

    pictures: Sequence[Path]
    stored: Stored
    exact: ExactIndex
    owners: NDArray[np.int64] | None = None
    """(N,) number of the card that each row is a view of; ``None``: every row is a card."""

    def owner_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the cards behind rows."""
        return rows if self.owners is None else self.owners[rows]


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """Simulated captures, embedded both ways up as the box does it."""

    cards: NDArray[np.int64]
    """(B,) which card each capture shows."""
    upright: Vectors
    upside_down: Vectors
    scene: Callable[[int], Scene]
    """Draws what a capture was cut out of again."""

    def every(self, step: int) -> Captured:
        """Return one capture of ``step``, from the first on."""
        return Captured(
            self.cards[::step],
            self.upright[::step],
            self.upside_down[::step],
            lambda number: self.scene(number * step),
        )

    @property
    def both_ways(self) -> tuple[Vectors, Vectors]:
        """The crops as they are, and turned by 180 degrees."""
        return self.upright, self.upside_down


def capture_cards(
    gallery: Gallery,
    cards: NDArray[np.int64],
    strength: Strength,
    embedder: Embedder,
    seed: int,
    one_more: Callable[[], object],
    crop_px: int | None = None,
) -> Captured:
    """Simulate one capture for each entry of ``cards``; the same seed gives the same captures.

    ``crop_px`` says how large, see :func:`captures.simulate_scene`; by default, what the model takes.
    """
    info = embedder.info

    def scene(number: int) -> Scene:
        picture = read_picture(gallery.pictures[int(cards[number])])
        rng = np.random.default_rng([seed, number])
        return simulate_scene(picture, strength, rng, crop_px or info.width)

    def capture(number: int) -> Picture:
        one_more()
        return scene(number).crop(info.height, info.width)

    return _embedded(cards, capture, embedder, scene)


def capture_not_cards(count: int, embedder: Embedder, seed: int) -> Captured:
    """Draw pictures that show no card; as cards they count as -1."""
    info = embedder.info

    def draw(number: int) -> Picture:
        return draw_not_card(number, info.height, info.width, np.random.default_rng([seed, number]))

    def scene(number: int) -> Scene:
        picture = draw(number)
        return Scene(picture, whole_picture_corners(picture))

    return _embedded(np.full(count, -1), draw, embedder, scene)


def _embedded(
    cards: NDArray[np.int64],
    crop: Callable[[int], Picture],
    embedder: Embedder,
    scene: Callable[[int], Scene],
) -> Captured:
    """Make and embed crops in small batches, so that few of them exist at a time."""
    upright = [np.empty((0, embedder.info.dim), dtype=np.float32)]
    upside_down = list(upright)
    for start in range(0, len(cards), BATCH):
        crops = [crop(number) for number in range(start, min(start + BATCH, len(cards)))]
        upright.append(embed_crops(crops, embedder))
        upside_down.append(embed_crops(list(turned(np.stack(crops))), embedder))
    return Captured(cards, np.concatenate(upright), np.concatenate(upside_down), scene)
