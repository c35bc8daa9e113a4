"""The lock of a Python: versions of its wheelhouses, and the SHA-256 of every file, for every machine.

It is what pip reads (``name==version --hash=...``), kept in the repository, so that everybody makes the same.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from cardscanner.errors import InputError
from cardscanner.files import replacing, sha256_of
from cardscanner_tools.dist.pip_runs import only_for, run_pip
from cardscanner_tools.dist.targets import LOCKS, MACHINES, System, Target
from cardscanner_tools.dist.wheels import Wheel, check_complete, read_wheel

SOURCE_ONLY = canonicalize_name("annoy")
"""Comes without wheels for our machines: its lock names the source's hash."""
SYSTEM_BRINGS = canonicalize_name("numpy")


@dataclass(frozen=True, slots=True)
class Locked:
    """One line of a lock."""

    name: str
    version: str
    sha256: frozenset[str]

    @property
    def key(self) -> NormalizedName:
        """The name as it is compared."""
        return canonicalize_name(self.name)

    @property
    def text(self) -> str:
        """As pip reads it."""
        return " \\\n".join(
            [f"{self.name}=={self.version}", *(f"    --hash=sha256:{h}" for h in sorted(self.sha256))]
        )


def read_lock(path: Path) -> list[Locked]:
    """Read a lock.

    Raises
    ------
    InputError
        It is missing, or a line of it is not ``name==version`` with hashes.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing: `cardscanner-tools dist --relock` makes it")
    joined = re.sub(r"\\\n\s*", "", path.read_text())
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [_read_line(line, path) for line in lines]


def _read_line(line: str, path: Path) -> Locked:
    found = re.fullmatch(r"([A-Za-z0-9._-]+)==(\S+?)((?: ?--hash=sha256:[0-9a-f]{64})+)", line)
    if found is None:
        raise InputError(f"{path}: {line[:80]!r} is not name==version with hashes")
    return Locked(found[1], found[2], frozenset(re.findall(r"[0-9a-f]{64}", found[3])))


def write_lock(path: Path, system: System, locked: Iterable[Locked]) -> None:
    """Write a lock, sorted by name."""
    lines = "\n".join(each.text for each in sorted(locked, key=lambda each: each.key))
    with replacing(path) as temporary:
        temporary.write_text(
            f"# {system.release}: chosen to work with numpy {system.numpy}, which apt brings.\n"
            f"# Made by `cardscanner-tools dist --relock`; hashes for {' and '.join(MACHINES)}.\n"
            f"{lines}\n"
        )


def choose(system: System, repository: Path) -> list[Locked]:
    """Let pip choose the newest versions that work together and with the system's numpy, on every machine.

    Raises
    ------
    InputError
        There is no such choice.
    """
    wanted = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["dependencies"]
    ours = next(each for each in map(Requirement, wanted) if canonicalize_name(each.name) == SOURCE_ONLY)
    binary = [each for each in wanted if canonicalize_name(Requirement(each).name) != SOURCE_ONLY]
    found: dict[str, list[Wheel]] = {}
    with TemporaryDirectory() as work:
        for number, machine in enumerate(MACHINES):
            target, into = Target(system, machine), Path(work) / machine
            into.mkdir()
            asked = into / "asked.txt"
            if number == 0:
                asked.write_text("\n".join([*binary, f"numpy=={system.numpy}"]))
                run_pip(
                    "download",
                    *only_for(target),
                    "-c",
                    str(LOCKS / "box.txt"),
                    "-r",
                    str(asked),
                    "-d",
                    str(into),
                )
            else:  # what was chosen for the first, whatever is newest here
                asked.write_text("\n".join(f"{each.name}=={each.version}" for each in found[MACHINES[0]]))
                run_pip("download", "--no-deps", *only_for(target), "-r", str(asked), "-d", str(into))
            wheels = [read_wheel(path) for path in sorted(into.glob("*.whl"))]
            found[machine] = [each for each in wheels if each.key != SYSTEM_BRINGS]
            check_complete(found[machine], target)
        source = fetch_source(str(ours), Path(work))
        pinned = Locked(ours.name, str(ours.specifier).removeprefix("=="), frozenset([sha256_of(source)]))
        hashes = {
            each.key: frozenset(h.sha256 for wheels in found.values() for h in wheels if h.key == each.key)
            for each in found[MACHINES[0]]
        }
    return [pinned, *(Locked(each.name, each.version, hashes[each.key]) for each in found[MACHINES[0]])]


def fetch_source(pinned: str, into: Path) -> Path:
    """Fetch the source of the package that has no wheels; ``pinned``: as pip reads it."""
    with TemporaryDirectory(dir=into) as work:
        asked = Path(work) / "asked.txt"
        asked.write_text(pinned)
        run_pip("download", "--no-deps", "--no-binary", ":all:", "-r", str(asked), "-d", work)
        archive = next(Path(work).glob("*.tar.gz"))
        return archive.replace(into / archive.name)
