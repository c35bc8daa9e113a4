"""The workshop's command line: ``cardscanner-tools COMMAND``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from cardscanner.errors import CardscannerError

COMMANDS = {
    "evaluate": (
        "cardscanner_tools.evaluate.command",
        "every acceptance criterion: report, table, baselines",
    ),
    "evaluate-photos": ("cardscanner_tools.evaluate_photos", "recognition on labelled photographs"),
    "eval-finder": ("cardscanner_tools.eval_finder", "finding cards on labelled photographs"),
    "fit-finder": ("cardscanner_tools.fit_finder", "fit the card finder's scores to drawn scenes"),
    "db-build-ray": (
        "cardscanner_tools.db_build_ray",
        "build a database on a Ray cluster (needs the extra `ray`)",
    ),
    "render-demo": ("cardscanner_tools.render_demo", "draw the demo's cards, database and film"),
    "readme-picture": ("cardscanner_tools.readme_picture", "draw the README's picture from a finished demo"),
    "soak": ("cardscanner_tools.soak.command", "run the scanner for long, trouble it, see whether it grows"),
    "mqtt-schemas": (
        "cardscanner_tools.mqtt_schemas",
        "write the MQTT contract as JSON Schemas and AsyncAPI",
    ),
    "train": ("cardscanner_tools.training.train", "train the embedder (needs the extra `train`)"),
    "distil": (
        "cardscanner_tools.training.distil",
        "train a student from a teacher (needs the extra `train`)",
    ),
    "finetune": ("cardscanner_tools.training.finetune", "adapt a model to references of your own"),
    "export": ("cardscanner_tools.export.command", "write a trained embedder as a model folder"),
    "quantise": ("cardscanner_tools.export.quantise", "write the 8-bit form of a model and what it loses"),
    "compile-hef": (
        "cardscanner_tools.hef.command",
        "compile a model for a Hailo chip (needs its Dataflow Compiler)",
    ),
    "dist": ("cardscanner_tools.dist.command", "what a box installs: wheelhouses, list of parts, signed"),
    "release-key": ("cardscanner_tools.release.key_command", "make the keys that sign releases"),
    "release-sign": (
        "cardscanner_tools.release.sign_command",
        "make a signed release of a database, model or program",
    ),
    "release-index": (
        "cardscanner_tools.release.index_command",
        "write the signed index of the releases in a folder",
    ),
    "train-corners": (
        "cardscanner_tools.corners.train",
        "train the corner network (needs the extra `train`)",
    ),
    "export-corners": (
        "cardscanner_tools.corners.export",
        "write a trained corner network as a finder folder",
    ),
}


_EXTRAS = {
    **dict.fromkeys(["accelerate", "safetensors", "timm", "torch", "torchvision"], "train"),
    "ray": "ray",
}
"""Packages that only some commands need, and the extra that brings them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; only that command's module is imported."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="cardscanner-tools", description="The workshop behind cardscanner.")
    commands = parser.add_subparsers(dest="name", required=True, metavar="COMMAND")
    for name, (_, summary) in COMMANDS.items():
        commands.add_parser(name, help=summary, add_help=False)
    known, _ = parser.parse_known_args(words[:1])
    try:
        module = importlib.import_module(COMMANDS[known.name][0])
    except ModuleNotFoundError as missing:
        if missing.name not in _EXTRAS:
            raise
        extra = _EXTRAS[missing.name]
        print(
            f"cardscanner-tools: {known.name} needs {missing.name}, which the extra `{extra}` brings: "
            f"run `make .venv/.{extra}`, or pip install 'cardscanner[{extra}]'",
            file=sys.stderr,
        )
        return 1
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
