"""Builds a database in a process of its own, to be killed.

    python building_child.py SOURCE OUT [--pause SECONDS]
    python building_child.py SOURCE OUT --crash-before os.rename os.rmdir

The second form forks a build for each such step on the disk that a build takes, kills it with SIGKILL just
before that step, and leaves what remains in OUT-1, OUT-2, ... (copies of OUT, when there is one); it prints
the number of the first build that was not killed.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import signal
import sys
from pathlib import Path

from projecting import ProjectingEmbedder
from reference_databases import build_quietly

from cardscanner.errors import CardscannerError
from cardscanner.match.progress import Progress

PART_CARDS = 4


class AnnouncingEmbedder(ProjectingEmbedder):
    """Says when the first picture is embedded."""

    def embed(self, crops):
        if not self.calls:
            print("embedding", flush=True)
        return super().embed(crops)


def build(source: Path, out: Path, embedder: ProjectingEmbedder) -> int:
    """Build; return the exit code that the command would have."""
    try:
        build_quietly(source, out, embedder=embedder, part_cards=PART_CARDS, progress=Progress(io.StringIO()))
    except CardscannerError as error:
        print(error, flush=True)
        return error.exit_code
    return 0


def crash_before(steps: list[str], source: Path, out: Path) -> int:
    """Return the number of the first step that a build does not take any more."""
    step = 0
    while True:
        step += 1
        place = out.with_name(f"{out.name}-{step}")
        if out.exists():
            shutil.copytree(out, place)
        child = os.fork()
        if not child:
            _die_before(step, steps)
            os._exit(build(source, place, ProjectingEmbedder()))
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            return step if os.WEXITSTATUS(status) == 0 else -1


def _die_before(last_step: int, steps: list[str]) -> None:
    taken = 0

    def look(event: str, _arguments: tuple[object, ...]) -> None:
        nonlocal taken
        if event in steps:
            taken += 1
            if taken == last_step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--crash-before", nargs="*", metavar="STEP")
    arguments = parser.parse_args()
    if arguments.crash_before:
        print(crash_before(arguments.crash_before, arguments.source, arguments.out))
    else:
        sys.exit(build(arguments.source, arguments.out, AnnouncingEmbedder(pause_s=arguments.pause)))
