"""Train a student to answer as a frozen teacher does; in the pure mode it never sees a label.

The teacher is any network that `train` wrote. It sees the student's capture without augmentations, or with
--set teacher.view=clean the clean face. Everything else is as in `train`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cardscanner_tools.training import session
from cardscanner_tools.training.recipe import DistilRecipe
from cardscanner_tools.training.recipe_files import find_recipe, list_recipes, load_recipe
from cardscanner_tools.training.tasks import Distillation

_EXAMPLES = """examples:
  cardscanner-tools distil --recipe box --teacher out/teacher/NAME.safetensors --front FILE --out out/box
  cardscanner-tools distil --recipe hailo --teacher out/teacher/NAME.safetensors --out out/hailo
  cardscanner-tools distil --recipe hailo --teacher FILE --set terms.rkd_distance=0.1 --out out/relations
  cardscanner-tools distil --recipes
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.epilog = _EXAMPLES
    parser.add_argument("--recipe", default="box", help="name of a shipped recipe, or a file")
    parser.add_argument("--recipes", action=list_recipes("distil"), help="list the shipped recipes and leave")
    parser.add_argument("--teacher", type=Path, metavar="FILE", help="weights of the teacher, from `train`")
    session.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Run, or go on with, one distillation."""
    recipe = load_recipe(find_recipe(options.recipe), DistilRecipe, session.changes_of(options))
    session.run_recipe(recipe, lambda: Distillation(recipe), options)
    return 0
