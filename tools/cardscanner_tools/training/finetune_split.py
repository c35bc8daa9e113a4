"""Which cards a fine-tuning learns from, which it only measures with, and which of them are one class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cardscanner.errors import InputError
from cardscanner.match.artworks import Artworks, join_artworks
from cardscanner.match.calibrate import measure_artwork_limit
from cardscanner.match.embedding import embed_crops
from cardscanner.match.exact import exact_index
from cardscanner.match.gallery import Gallery
from cardscanner.match.progress import Progress
from cardscanner.ports import Embedder
from cardscanner.records import Vectors
from cardscanner_tools.training.captures import clean
from cardscanner_tools.training.finetune_cards import Faces
from cardscanner_tools.training.pool import Pool

FEWEST_ARTWORKS = 4
"""Two to tell apart and two to keep out."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Which artwork each card shows, and which artworks are never trained on."""

    artworks: Artworks
    """(N,) as `cardscanner db build` would join them with the model that is adapted."""
    held_back: NDArray[np.bool_]
    """(N,) True for the cards that only measure."""

    @property
    def seen_rows(self) -> NDArray[np.int64]:
        """Rows of the cards that are trained on."""
        return np.flatnonzero(~self.held_back)

    @property
    def classes(self) -> NDArray[np.int64]:
        """Class of each card of :attr:`seen_rows`: its artwork, counted without the held-back ones."""
        return np.unique(self.artworks[self.seen_rows], return_inverse=True)[1].astype(np.int64)


def split_cards(faces: Faces, embedder: Embedder, share: float, seed: int) -> Split:
    """Join prints of one artwork, so that no two classes look the same, and draw those to hold back.

    Raises
    ------
    InputError
        There are too few different artworks to learn from some and to measure with others.
    """
    stored = embed_faces(faces, embedder)
    gallery = Gallery([each.path for each in faces.references], stored, exact_index(stored))
    limit = measure_artwork_limit(gallery, embedder, seed, Progress())
    artworks = join_artworks([each.art_group for each in faces.references], stored, limit)
    count = int(artworks.max()) + 1
    if count < FEWEST_ARTWORKS:
        raise InputError(
            f"{len(faces.references)} readable references show {count} different artworks; fine-tuning needs "
            f"at least {FEWEST_ARTWORKS} (some hundreds to be of use): add pictures or use the model as it is"
        )
    kept_out = min(max(2, round(share * count)), count - 2)
    chosen = np.random.default_rng([seed, 11]).choice(count, kept_out, replace=False)
    return Split(artworks, np.isin(artworks, chosen))


def seen_pool(faces: Faces, split: Split, folder: Path) -> Pool:
    """Write the cards to learn from as a pool of the trainer."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = split.seen_rows
    shape = (len(rows), *faces.pictures.shape[1:])
    store = np.lib.format.open_memmap(folder / "faces.npy", mode="w+", dtype=np.uint8, shape=shape)
    for place, row in enumerate(rows):
        store[place] = faces.pictures[row]
    store.flush()
    return Pool(folder, split.classes)


def embed_faces(faces: Faces, embedder: Embedder) -> Vectors:
    """Return the clean embedding of every card, (N, D)."""
    size = embedder.info.width
    parts = [
        embed_crops([clean(np.array(face), size) for face in faces.pictures[start : start + 64]], embedder)
        for start in tqdm(range(0, len(faces.pictures), 64), desc="embedding references", mininterval=2)
    ]
    return np.concatenate(parts)
