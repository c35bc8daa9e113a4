"""The rendered gallery: invented cards that no training has seen, their vectors, and their accept rule."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import cv2
import numpy as np

from cardscanner.files import write_json
from cardscanner.manifest import AcceptRule
from cardscanner.match.calibrate import calibrate
from cardscanner.match.exact import exact_index
from cardscanner.match.gallery import Gallery
from cardscanner.match.progress import Progress
from cardscanner.ports import Embedder
from cardscanner.records import Card, Picture, Vectors
from cardscanner.rectify import rectify, whole_picture_corners
from cardscanner_tools.evaluate.ranking import Labels
from cardscanner_tools.evaluate.readings import Crops
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import CardSpec, catalogue

CATALOGUE_SEED = 4242
"""Training draws from the seeds 1, 2 and 1001; this one is the evaluation's alone."""
STRANGERS_SEED = 4243
"""Cards of the same make that are not in the gallery."""

_RENDER = Path(__file__).parent.parent / "render"


@dataclass(frozen=True, slots=True, eq=False)
class RenderedCards:
    """A catalogue with the labels that its cards are judged by."""

    seed: int
    specs: Sequence[CardSpec]
    artworks: Labels
    prints: Labels
    """Cards with the same art *and* frame: only symbol and number differ, which 224 pixels cannot show."""

    @classmethod
    def of(cls, count: int, seed: int, reprint_share: float = 0.12) -> RenderedCards:
        """Invent ``count`` cards."""
        specs = catalogue(count, seed, reprint_share)
        artworks = np.unique([spec.art for spec in specs], return_inverse=True)[1]
        prints = _numbered([(spec.art, spec.frame) for spec in specs])
        return cls(seed, specs, artworks.astype(np.int64), prints)

    def face(self, number: int) -> Picture:
        """Draw one card."""
        return render_card(self.specs[number])

    def crops(self) -> Crops:
        """Return the references as the database would cut them."""

        def crop(number: int, height: int, width: int) -> Picture:
            face = self.face(number)
            return rectify(face, whole_picture_corners(face), height, width)

        return Crops(f"rendered-{code_hash(_RENDER)}-{self.seed}", len(self.specs), crop)

    def cards(self) -> list[Card]:
        """Return the cards as a database describes them."""
        return [
            Card(spec.card_id, spec.name, int(art))
            for spec, art in zip(self.specs, self.artworks, strict=True)
        ]


def calibrated_rule(folder: Path, cards: RenderedCards, vectors: Vectors, embedder: Embedder) -> AcceptRule:
    """Return the accept rule that a database of these cards would carry, found by the product's own code."""
    name = f"rule-{cards.crops().key}-{len(cards.specs)}-{embedder.info.sha256[:16]}.json"
    path = folder / name
    if path.is_file():
        return AcceptRule.model_validate(json.loads(path.read_text(encoding="utf-8")))
    stored = vectors.astype(np.float16)
    gallery = Gallery(_DrawnFiles(cards, folder / "drawn.png"), stored, exact_index(stored))
    rule = calibrate(gallery, cards.artworks, embedder, seed=1, progress=Progress())
    (folder / "drawn.png").unlink(missing_ok=True)
    write_json(path, rule.model_dump(mode="json"))
    return rule


def code_hash(*folders: Path) -> str:
    """Return a hash of the Python files in some folders."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class _DrawnFiles(Sequence[Path]):
    """Stands for one picture file of each card; calibration reads one at a time, so one file is enough."""

    def __init__(self, cards: RenderedCards, path: Path) -> None:
        self._cards = cards
        self._path = path
        self._drawn: int | None = None

    def __len__(self) -> int:
        return len(self._cards.specs)

    @overload
    def __getitem__(self, number: int) -> Path: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Path]: ...
    def __getitem__(self, number: int | slice) -> Path | Sequence[Path]:
        if isinstance(number, slice):
            raise TypeError("drawn files are looked at one by one")
        if number != self._drawn:  # several captures of one card come one after the other
            cv2.imwrite(str(self._path), self._cards.face(number)[:, :, ::-1])
            self._drawn = number
        return self._path


def _numbered(keys: Sequence[tuple[int, int]]) -> Labels:
    first: dict[tuple[int, int], int] = {}
    return np.array([first.setdefault(key, len(first)) for key in keys], dtype=np.int64)
