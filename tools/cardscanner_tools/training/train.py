"""Train an embedder on rendered cards by a recipe: resumable, on two CPU cores or many GPUs.

A run writes log.csv, last.pt (everything needed to go on) and NAME.safetensors (the weights, with metadata).
Stopping it at any time, also with kill -9, loses at most the steps since the last checkpoint; starting the
same command again continues, to the same result.

On a CPU, run it under jemalloc (LD_PRELOAD=.../libjemalloc.so.2 MALLOC_CONF=dirty_decay_ms:-1): glibc gives
the large buffers of each step back to the kernel, which costs more than the arithmetic (docs/experiments.md).
"""

from __future__ import annotations

import argparse

from cardscanner_tools.training import session
from cardscanner_tools.training.recipe import TrainRecipe
from cardscanner_tools.training.recipe_files import find_recipe, list_recipes, load_recipe
from cardscanner_tools.training.tasks import Classification

_EXAMPLES = """examples:
  cardscanner-tools train --out out/train --front efficientnet-lite0-57934424.pth
  cardscanner-tools train --recipe dinov3-vit-l16-256 --weights dinov3-vit-l16.safetensors --out out/teacher
  cardscanner-tools train --recipe my-recipe.yaml --set stages.0.lr=1e-4 --out out/mine
  torchrun --nproc-per-node 8 -m cardscanner_tools.cli train --recipe teacher --weights FILE --out out/teacher
  cardscanner-tools train --recipes
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.epilog = _EXAMPLES
    parser.add_argument("--recipe", default="cardnet", help="name of a shipped recipe, or a file")
    parser.add_argument("--recipes", action=list_recipes("train"), help="list the shipped recipes and leave")
    session.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Run, or go on with, one training."""
    recipe = load_recipe(find_recipe(options.recipe), TrainRecipe, session.changes_of(options))
    session.run_recipe(recipe, lambda: Classification(recipe), options)
    return 0
