"""Trainings small enough for a test: a vision transformer of two blocks on 32-pixel crops of twelve cards."""

from __future__ import annotations

import csv
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

NETWORK: dict[str, Any] = {
    "name": "tiny",
    "source": "vit_tiny_patch16_224",
    "size": 32,
    "patch": 16,
    "pooling": "token",
    "features": 32,
    "dim": 16,
    "head": "mlp",
    "dropout": 0.2,
    "mean": [127.5, 127.5, 127.5],
    "std": [127.5, 127.5, 127.5],
    "licence": "Apache-2.0",
    "options": {"depth": 2, "embed_dim": 32, "num_heads": 2},
}
"""With dropout, so that a generator that is not put back shows."""

TRAIN: dict[str, Any] = {
    "kind": "train",
    "name": "tiny",
    "network": NETWORK,
    "cards": {"count": 12, "seed": 3},
    "seed": 5,
    "batch": 8,
    "precision": "float32",
    "save_every": 1,
    "validate_every": 4,
    "validation_cards": 8,
    "arcface": {"margin": 0.2, "scale": 16},
    "stages": [{"examples": 48, "lr": 0.01, "warmup_steps": 2}],
}


def recipe(path: Path, **changes: Any) -> Path:
    """Write the tiny recipe with some keys replaced."""
    path.write_text(yaml.safe_dump({**deepcopy(TRAIN), **changes}), encoding="utf-8")
    return path


def rows(folder: Path) -> list[dict[str, str]]:
    """Read a run's journal."""
    with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
