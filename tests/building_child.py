"""Builds a database in a process of its own, to be killed.

    python building_child.py SOURCE OUT [--pause SECONDS]
    python building_child.py SOURCE OUT --crash-before os.rename os.rmdir [--act add]

The second form forks a build for each such step on the disk that a build takes, kills it with SIGKILL just
before that step, and leaves what remains in OUT-1, OUT-2, ... (copies of OUT, when there is one); it prints
the number of the first build that was not killed. With --act, SOURCE is added to the database OUT, or cards
of OUT named like the pictures in SOURCE are removed, or OUT is merged.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from projecting import ProjectingEmbedder, projecting_manifest
from reference_databases import build_quietly

from cardscanner.errors import CardscannerError
from cardscanner.match.change import add_cards, add_source, remove_cards
from cardscanner.match.merge import merge_database
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


def change(act: str, source: Path, out: Path) -> int:
    """Add, remove or merge; return the exit code that the command would have."""
    quiet = Progress(io.StringIO())
    embedder = ProjectingEmbedder()
    try:
        if act == "add":
            add_cards(out, add_source(out, source), embedder, projecting_manifest(embedder), progress=quiet)
        elif act == "remove":
            remove_cards(out, [each.stem for each in source.iterdir()])
        else:
            merge_database(out, quiet)
    except CardscannerError as error:
        print(error, flush=True)
        return error.exit_code
    return 0


def crash_before(steps: list[str], act: Callable[[Path], int], out: Path) -> int:
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
            os._exit(act(place))
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
    parser.add_argument("--act", choices=["build", "add", "remove", "merge"], default="build")
    arguments = parser.parse_args()

    def act(place: Path) -> int:
        """Do it at a place."""
        if arguments.act == "build":
            return build(arguments.source, place, ProjectingEmbedder())
        return change(arguments.act, arguments.source, place)

    if arguments.crash_before:
        print(crash_before(arguments.crash_before, act, arguments.out))
    elif arguments.act != "build":
        sys.exit(act(arguments.out))
    else:
        sys.exit(build(arguments.source, arguments.out, AnnouncingEmbedder(pause_s=arguments.pause)))
