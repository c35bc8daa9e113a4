"""The workshop's command line: ``cardscanner-tools COMMAND``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from cardscanner.errors import CardscannerError

COMMANDS = {
    "evaluate-photos": ("cardscanner_tools.evaluate_photos", "recognition on labelled photographs"),
    "eval-finder": ("cardscanner_tools.eval_finder", "finding cards on labelled photographs"),
    "fit-finder": ("cardscanner_tools.fit_finder", "fit the card finder's scores to drawn scenes"),
    "render-demo": ("cardscanner_tools.render_demo", "draw the demo's cards, database and film"),
    "readme-picture": ("cardscanner_tools.readme_picture", "draw the README's picture from a finished demo"),
    "train": ("cardscanner_tools.training.train", "train the embedder (needs the extra `train`)"),
    "export": ("cardscanner_tools.training.export", "write a trained embedder as a model folder"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; only that command's module is imported."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="cardscanner-tools", description="The workshop behind cardscanner.")
    commands = parser.add_subparsers(dest="name", required=True, metavar="COMMAND")
    for name, (_, summary) in COMMANDS.items():
        commands.add_parser(name, help=summary, add_help=False)
    known, _ = parser.parse_known_args(words[:1])
    module = importlib.import_module(COMMANDS[known.name][0])
    command = argparse.ArgumentParser(
        prog=f"cardscanner-tools {known.name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(command)
    try:
        return int(module.run(command.parse_args(words[1:])))
    except CardscannerError as error:
        print(f"cardscanner-tools: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("cardscanner-tools: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
