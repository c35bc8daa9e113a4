"""A whole scanner in miniature: drawn cards, a thumbnail model, a database, filmed frames, a configuration."""

from __future__ import annotations

import atexit
import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import mkdtemp

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from thumbnails import thumbnail_model

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.manifest import load_model_manifest
from cardscanner.match.build import build_database
from cardscanner.match.progress import Progress
from cardscanner.records import Picture

FRAME_H, FRAME_W = 480, 640
CARD_H, CARD_W = 308, 220
BORDER = 14


@dataclass(frozen=True)
class SmallScanner:
    """Folders of one miniature scanner."""

    root: Path

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def database(self) -> Path:
        return self.root / "db"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox.db"

    def config(self, **sections) -> Path:
        """Write a configuration; a section replaces the default one, ``None`` leaves it out."""
        document = {
            "device_id": "small",
            "camera": {"backend": "replay", "path": "frames", "paced": False},
            "embedder": {"backend": "onnx", "model": "model", "threads": 1},
            "index": {"database": "db"},
            "decide": {"gone_s": 0.05, "min_frames": 2, "max_frames": 4},
            "outbox": {"path": "outbox.db"},
            "publish": {"backend": "stdout"},
            "log": {"format": "json"},
            **sections,
        }
        path = self.root / "cardscanner.yaml"
        path.write_text(yaml.safe_dump({key: value for key, value in document.items() if value is not None}))
        return path


def small_scanner(
    root: Path, cards: int = 14, shown: tuple[int, ...] = (3, 7, 11), make_model=thumbnail_model, **film
) -> SmallScanner:
    """Make everything below ``root``; 14 cards are more than the accept rule compares."""
    shutil.copytree(_model_and_database(cards, make_model), root, dirs_exist_ok=True)
    write_film(root / "frames", shown, **film)
    return SmallScanner(root)


@cache
def _model_and_database(cards: int, make_model) -> Path:
    """Build them once for all tests: calibrating takes seconds."""
    root = _kept_folder()
    scanner = SmallScanner(root)
    make_model(scanner.model)
    folder = root / "cards"
    folder.mkdir()
    for number in range(cards):
        cv2.imwrite(str(folder / f"card-{number:03d}.png"), card_face(number)[:, :, ::-1])
    with closing(load_embedder(OnnxConfig(backend="onnx", model=scanner.model))) as embedder:
        build_database(
            folder,
            scanner.database,
            embedder,
            load_model_manifest(scanner.model),
            progress=Progress(StringIO()),
            second_looks=False,
        )
    return root


def write_film(folder: Path, shown: tuple[int, ...], lie: int = 8, empty: int = 12) -> None:
    """Frames in which cards come and go: ``lie`` frames each, then ``empty`` frames of the table."""
    shutil.copytree(_film(shown, lie, empty), folder, dirs_exist_ok=True)


@cache
def _film(shown: tuple[int, ...], lie: int, empty: int) -> Path:
    folder = _kept_folder()
    number = 0
    for card in shown:
        for step in range(lie + empty):
            frame = photo(card, seed=number) if step < lie else table(number)
            cv2.imwrite(str(folder / f"{number:05d}.png"), frame[:, :, ::-1])
            number += 1
    return folder


def _kept_folder() -> Path:
    """A folder that lasts as long as this process."""
    folder = Path(mkdtemp(prefix="small-scanner-"))
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: Path, owner: int) -> None:
    """Remove it, but not at the end of a child that was forked from its owner."""
    if os.getpid() == owner:
        shutil.rmtree(folder)


def card_face(number: int) -> Picture:
    """A card: a scene of its own within a light border of its own colour."""
    rng = np.random.default_rng([11, number])
    face = np.empty((CARD_H, CARD_W, 3), np.uint8)
    face[:] = rng.integers(150, 256, 3)
    scene = rng.integers(0, 256, (7, 5, 3)).astype(np.uint8)
    inner = (CARD_W - 2 * BORDER, CARD_H - 2 * BORDER)
    face[BORDER:-BORDER, BORDER:-BORDER] = cv2.resize(scene, inner, interpolation=cv2.INTER_CUBIC)
    return face


def table(seed: int = 0) -> Picture:
    """A dark table with a little noise."""
    return _filmed(_bare_table(), seed)


def photo(card: int, seed: int = 0, turned: bool = False, at: tuple[int, int] = (200, 80)) -> Picture:
    """A card on the table, upside down when ``turned``."""
    view = _bare_table()
    lay(view, card, turned, at)
    return _filmed(view, seed)


def lay(view: NDArray[np.float32], card: int, turned: bool, at: tuple[int, int]) -> None:
    """Draw a card, with round corners as real ones have."""
    face = card_face(card)
    x, y = at
    place = view[y : y + CARD_H, x : x + CARD_W]
    place[...] = np.where(_shape()[..., None], face[::-1, ::-1] if turned else face, place)


def _bare_table() -> NDArray[np.float32]:
    return np.full((FRAME_H, FRAME_W, 3), (38, 40, 46), np.float32)


def _filmed(view: NDArray[np.float32], seed: int) -> Picture:
    """What a camera makes of it: a little blur and noise."""
    noise = np.random.default_rng(seed).normal(0, 2, view.shape)
    return np.clip(cv2.GaussianBlur(view, (0, 0), 0.8) + noise, 0, 255).astype(np.uint8)


def _shape() -> NDArray[np.bool_]:
    """Where the card is: a rectangle with round corners."""
    radius = CARD_W // 20
    y, x = np.mgrid[0:CARD_H, 0:CARD_W]
    across = np.maximum(radius - x, x - (CARD_W - 1 - radius)).clip(0)
    down = np.maximum(radius - y, y - (CARD_H - 1 - radius)).clip(0)
    return across**2 + down**2 <= radius**2
