"""What a disk holds after a power cut: recorded calls played again, with what was not synced lost in part.

A process runs once under ``disk_recorder.c``, which writes down each call that changes files. Any moment of that
run can then be a power cut: what was synced before is there; of what was written since, each sector may have
reached the disk or not, in any order; names (creations, renames, removals) and file sizes that no ``fsync`` of the
folder confirmed are there up to some point, as a journaling file system keeps them.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SECTOR = 512
_HEAD = struct.Struct("<c3xIIIQ")


@dataclass(frozen=True)
class Call:
    """One call: w(rite), t(runcate), s(ync), c(reate), r(ename), u(nlink)."""

    kind: str
    path: str
    second: str
    offset: int
    data: bytes


@dataclass
class File:
    """What is on the disk for certain, and what was done since."""

    content: bytearray = field(default_factory=bytearray)
    since: list[Call] = field(default_factory=list)


def build_recorder(folder: Path) -> Path:
    """Compile the recorder, or skip the test where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    library = folder / "recorder.so"
    command = [
        compiler,
        "-shared",
        "-fPIC",
        "-O1",
        "-o",
        str(library),
        str(TESTS / "disk_recorder.c"),
        "-ldl",
    ]
    subprocess.run(command, check=True)
    return library


def run_recorded(
    recorder: Path, folder: Path, log: Path, arguments: Sequence[str], kill_at: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a test's child under the recorder; with ``kill_at`` it dies in that call."""
    environment = {
        "LD_PRELOAD": str(recorder),
        "RECORD_FOLDER": str(folder),
        "RECORD_LOG": str(log),
        "RECORD_KILL_AT": str(kill_at),
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def read_calls(log: Path) -> list[Call]:
    """Return what was recorded."""
    return list(_calls(log.read_bytes()))


def _calls(data: bytes) -> Iterator[Call]:
    at = 0
    while at < len(data):
        kind, path, second, size, offset = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        parts = []
        for length in (path, second, size):
            parts.append(data[at : at + length])
            at += length
        yield Call(kind.decode(), parts[0].decode(), parts[1].decode(), offset, parts[2])


class Disk:
    """Plays calls up to a power cut."""

    def __init__(self) -> None:
        self.names: dict[str, File] = {}
        """As the process sees them."""
        self.kept: dict[str, File] = {}
        """As the disk has them for certain."""
        self.since: list[Call] = []
        """What was done to names since."""
        self._files: dict[int, File] = {}
        """The file that each creation made."""

    def play(self, call: Call) -> None:
        """Do what the process did."""
        if call.kind == "s" and call.path not in self.names:
            self._settle(call.path)
        elif call.kind == "s":
            file = self.names[call.path]
            for each in file.since:
                apply(file.content, each)
            file.since.clear()
        elif call.kind in "wt":
            self.names[call.path].since.append(call)
        else:
            self._rename(self.names, call)
            self.since.append(call)

    def cut(self, chance: random.Random) -> dict[str, bytes]:
        """Return what may be on the disk when the power goes now."""
        names = dict(self.kept)
        for call in self.since[: chance.randint(0, len(self.since))]:
            self._rename(names, call)
        return {path: bytes(_after(file, chance)) for path, file in names.items()}

    def _settle(self, folder: str) -> None:
        """A folder was synced: its names are certain."""
        rest = []
        for call in self.since:
            if os.path.dirname(call.path) == folder:  # noqa: PTH120 - these are texts
                self._rename(self.kept, call)
            else:
                rest.append(call)
        self.since = rest

    def _rename(self, names: dict[str, File], call: Call) -> None:
        """Create, rename or remove a name."""
        match call.kind:
            case "c":
                names[call.path] = self._files.setdefault(id(call), File())
            case "r" if call.path in names:
                names[call.second] = names.pop(call.path)
            case "u":
                names.pop(call.path, None)


def apply(content: bytearray, call: Call) -> None:
    """Write or truncate."""
    if call.kind == "t":
        del content[call.offset :]
        content.extend(bytes(call.offset - len(content)))
        return
    content.extend(bytes(max(0, call.offset - len(content))))
    content[call.offset : call.offset + len(call.data)] = call.data


def _after(file: File, chance: random.Random) -> bytearray:
    """Return a file with a part of what was not synced, sector by sector; sizes change in order."""
    content = bytearray(file.content)
    share = chance.choice((0.0, 0.5, 1.0))
    for call in file.since:
        if call.kind == "t":
            if chance.random() <= share:
                apply(content, call)
            continue
        for at in range(0, len(call.data), SECTOR):
            if chance.random() < share:
                piece = call.data[at : at + SECTOR]
                apply(content, Call("w", call.path, "", call.offset + at, piece))
    return content


def write_out(found: dict[str, bytes], before: Path, after: Path) -> None:
    """Write files into another folder."""
    for path, content in found.items():
        place = after / Path(path).relative_to(before)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
