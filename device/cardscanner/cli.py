"""The command line: ``cardscanner`` and its commands, each described in :mod:`cardscanner.commands`."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from cardscanner import __version__
from cardscanner.errors import CardscannerError

_STOPPED_LINE = "cardscanner: stopped"

STOPPED = 130
"""As shells have it: 128 + SIGINT."""

UNHEARD = 141
"""128 + SIGPIPE: whoever read our output has had enough, as in ``cardscanner scan ... | head``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; a wrong command line is a SystemExit with 2."""
    _show_any_name()
    try:
        arguments = build_parser().parse_args(argv)
        return int(arguments.command(arguments))
    except CardscannerError as error:
        print(f"cardscanner: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(_STOPPED_LINE, file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        _drop_output()
        return UNHEARD
    except OSError as error:  # the machine says no where no command has a better word: a full disk, no rights
        _drop_output()
        print(f"cardscanner: {error}", file=sys.stderr)
        return 1


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    with _interruptible():  # it takes a second
        from cardscanner.commands import account, backup, check, db, demo, fleet, listen, run, scan, update
        from cardscanner.commands.options import EXIT_CODES, ask_for_more, exit_codes

    parser = argparse.ArgumentParser(
        prog="cardscanner",
        description="Recognise trading cards in front of a camera and report each one over MQTT.",
        epilog=f"example:\n  cardscanner scan photo.jpg --db db/mine\n\n{exit_codes(EXIT_CODES)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"cardscanner {__version__}")
    ask_for_more(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (run, check, scan, listen, fleet, db, demo, account, update):
        command.add_parser(commands)
    backup.add_parsers(commands)
    return parser


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the process at once: a KeyboardInterrupt amid imports gets lost or garbled."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        if before is signal.default_int_handler:
            signal.signal(signal.SIGINT, before)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os.write(2, _STOPPED_LINE.encode() + b"\n")
    os._exit(STOPPED)


def _show_any_name() -> None:
    """Let a file or card name that the terminal cannot show appear with escapes instead of ending us."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Where the output takes nothing any more, let Python's last attempt at it go nowhere."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
