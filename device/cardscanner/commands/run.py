"""``cardscanner run``: the daemon."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from cardscanner.commands.options import add_config, new_parser, usual
from cardscanner.daemon import run_daemon

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

EXAMPLES = """\
  cardscanner run --config cardscanner.yaml
  systemctl start cardscanner          the same, as a service

SIGTERM and Ctrl-C stop it within 5 seconds, SIGHUP reads the configuration again. A recording
(camera.backend: replay) is played to its end. Every key of the configuration is explained in
docs/cardscanner.yaml."""

CODES = {
    **usual(65, 78),
    0: "stopped by SIGTERM or Ctrl-C, or the recording is over",
    1: "a part failed for good; standard error says which and how to mend it (systemd starts it again)",
}


def add_parser(commands: Subparsers) -> None:
    """Describe the command."""
    parser = new_parser(commands, "run", "run the scanner until it is stopped", EXAMPLES, CODES)
    add_config(parser)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon; faults are raised. After the command ``restart`` a new process takes our place."""
    if run_daemon(arguments.config):
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves, again
    return 0
