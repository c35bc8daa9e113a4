"""The cards to learn from: rendered once, kept on disk as one uint8 array, captured anew at every step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cardscanner.errors import InputError
from cardscanner.files import write_json
from cardscanner.pictures import SUFFIXES, read_picture
from cardscanner.records import Picture
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import CardSpec, catalogue

HEIGHT, WIDTH = 336, 241


@dataclass(frozen=True, eq=False)
class Pool:
    """Card faces (N, 336, 241, 3) uint8, memory-mapped, and the class of each."""

    folder: Path
    labels: NDArray[np.int64]

    @cached_property
    def faces(self) -> NDArray[np.uint8]:
        """Mapped on first use, so that a worker process maps the file itself instead of receiving a copy."""
        return np.asarray(np.load(self.folder / "faces.npy", mmap_mode="r"))

    def __reduce__(self) -> tuple[type[Pool], tuple[Path, NDArray[np.int64]]]:
        return Pool, (self.folder, self.labels)

    @property
    def classes(self) -> int:
        """How many different cards there are."""
        return int(self.labels.max()) + 1


def render_pool(folder: Path, cards: int, seed: int, free_faces: Path | None, free_art: Path | None) -> Pool:
    """Render the pool into ``folder``, or open it when it is there and was made from the same recipe.

    ``free_faces`` is a folder of freely licensed card faces (classes of their own, and art to borrow from);
    ``free_art`` one of freely licensed pictures to borrow from. Both may be missing.
    """
    recipe = {
        "cards": cards,
        "seed": seed,
        "faces": str(free_faces),
        "art": str(free_art),
        "code": _code_hash(),
    }
    done = folder / "pool.json"
    if done.is_file() and json.loads(done.read_text())["recipe"] == recipe:
        return Pool(folder, np.load(folder / "labels.npy"))
    folder.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    faces = [_fit(each) for each in _pictures(free_faces, limit=1000)]
    borrowed = [*(_art_of(face) for face in faces), *_pictures(free_art, limit=4000)]
    specs = catalogue(cards, seed)
    total = len(specs) + len(faces)
    store = np.lib.format.open_memmap(
        folder / "faces.npy", mode="w+", dtype=np.uint8, shape=(total, HEIGHT, WIDTH, 3)
    )
    for number, spec in enumerate(tqdm(specs, desc="rendering cards", mininterval=2)):
        store[number] = render_card(spec, HEIGHT, borrowed)
    store[len(specs) :] = np.stack(faces) if faces else store[len(specs) :]
    store.flush()
    labels = np.array([*_labels(specs), *range(len(specs), total)])
    _, labels = np.unique(labels, return_inverse=True)
    np.save(folder / "labels.npy", labels)
    write_json(done, {"recipe": recipe, "faces": total})
    return Pool(folder, labels)


def _labels(specs: Sequence[CardSpec]) -> list[int]:
    """One class for cards that differ only in number and set symbol: nobody can see those at 224 pixels."""
    first: dict[tuple[int, int], int] = {}
    return [first.setdefault((spec.art, spec.frame), number) for number, spec in enumerate(specs)]


def _pictures(folder: Path | None, limit: int) -> list[Picture]:
    if folder is None:
        return []
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))})")
    chosen = np.random.default_rng(0).permutation(len(paths))[:limit]
    return [
        each
        for number in tqdm(sorted(chosen), desc=f"reading {folder.name}")
        if (each := _small(paths[number])) is not None
    ]


def _small(path: Path) -> Picture | None:
    """At most 400 pixels high; ``None`` for a picture that cannot be read or is tiny."""
    try:
        picture = read_picture(path)
    except InputError:
        return None
    height, width = picture.shape[:2]
    if min(height, width) < 48:
        return None
    scale = min(1.0, 400 / max(height, width))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _fit(face: Picture) -> Picture:
    return np.asarray(cv2.resize(face, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _art_of(face: Picture) -> Picture:
    """The part of a card face that is mostly illustration."""
    height, width = face.shape[:2]
    return face[round(height * 0.1) : round(height * 0.6), round(width * 0.05) : round(width * 0.95)]


def _code_hash() -> str:
    """Changes when the renderer changes, so that an old pool is not taken for a new one."""
    render = Path(__file__).parent.parent / "render"
    digest = hashlib.sha256()
    for path in sorted(render.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
