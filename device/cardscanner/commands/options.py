"""What several commands share: options, kinds of values, and the form of their help."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cardscanner.config import EmbedderConfig, HailoConfig, OnnxConfig
from cardscanner.shipped import shipped_model

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name

CONFIG = Path("/etc/cardscanner/cardscanner.yaml")

EXIT_CODES: Mapping[int, str] = {
    0: "done, all is well",
    1: "something failed; standard error says what and how to mend it",
    2: "the command line was wrong",
    65: "a model or database file is missing, damaged, or does not fit",
    78: "the configuration has a mistake",
    100: "there is something newer (update --check --newer)",
    101: "a box needs attention (fleet --check)",
    130: "stopped with Ctrl-C",
}
"""What every command means by them; a command may say it more exactly."""


def exit_codes(codes: Mapping[int, str]) -> str:
    """Return the table of exit codes that ends each help text."""
    return "\n".join(["exit codes:", *(f"  {code:<4} {meaning}" for code, meaning in sorted(codes.items()))])


def new_parser(
    commands: Subparsers, name: str, summary: str, examples: str, codes: Mapping[int, str]
) -> argparse.ArgumentParser:
    """Add a sub-command whose help ends with examples and with its exit codes; 2 goes without saying."""
    return commands.add_parser(
        name,
        help=summary,
        description=summary[:1].upper() + summary[1:] + ".",
        epilog=f"examples:\n{examples}\n\n{exit_codes({**codes, 2: EXIT_CODES[2]})}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def ask_for_more(parser: argparse.ArgumentParser) -> None:
    """Let a command that does nothing without a sub-command answer with its help."""

    def show(_arguments: argparse.Namespace) -> int:
        parser.print_help(sys.stderr)
        return 2

    parser.set_defaults(command=show)


def usual(*codes: int) -> dict[int, str]:
    """Return some exit codes with their usual meaning."""
    return {code: EXIT_CODES[code] for code in codes}


def path(text: str) -> Path:
    """Read a path; ``~`` is the home folder here too, where no shell has seen to it (``--out=~/db``)."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises for an unknown user


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return a reader of whole numbers within limits."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return value

    return read


def add_config(parser: argparse.ArgumentParser, *, of_action: bool = False) -> None:
    """Add ``--config``; ``of_action``: the command before has it too, and keeps what was given there."""
    default = path(os.environ.get("CARDSCANNER_CONFIG") or str(CONFIG))
    parser.add_argument(
        "--config",
        type=path,
        default=argparse.SUPPRESS if of_action else default,
        metavar="FILE",
        help=f"configuration (default: $CARDSCANNER_CONFIG, or {CONFIG})",
    )


def add_embedder(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``, ``--backend`` and ``--threads``."""
    parser.add_argument("--model", type=path, metavar="DIR", help="model folder (default: the shipped one)")
    parser.add_argument("--backend", choices=["onnx", "hailo"], default="onnx", help="what runs the model")
    parser.add_argument(
        "--threads", type=whole_number(1, 64), default=2, metavar="N", help="threads of ONNX Runtime (2)"
    )


def embedder_config(arguments: argparse.Namespace) -> EmbedderConfig:
    """Return the embedder that the options name."""
    model = arguments.model or shipped_model()
    if arguments.backend == "hailo":
        return HailoConfig(backend="hailo", model=model)
    return OnnxConfig(backend="onnx", model=model, threads=arguments.threads)
