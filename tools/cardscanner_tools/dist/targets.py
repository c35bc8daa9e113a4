"""What a wheelhouse is made for: a Python, a processor, and what the operating system brings itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cardscanner.errors import InputError

LOCKS = Path(__file__).parent / "locks"
MACHINES = ("aarch64", "x86_64")
_OLDEST_GLIBC = 17
"""Of wheels that are made to this day (PEP 600)."""


@dataclass(frozen=True, slots=True)
class System:
    """A release of Raspberry Pi OS, which is Debian's."""

    release: str
    python: str
    numpy: str
    """apt's. picamera2 is compiled against it, so no wheelhouse may bring another one."""
    glibc: int
    """Minor version; wheels for an older one run too (PEP 600)."""


SYSTEMS = (System("bookworm", "3.11", "1.24.2", 36), System("trixie", "3.13", "2.2.4", 41))


@dataclass(frozen=True, slots=True)
class Target:
    """One wheelhouse."""

    system: System
    machine: str

    @property
    def tag(self) -> str:
        """As in wheels' names, ``cp311``."""
        return f"cp{self.system.python.replace('.', '')}"

    @property
    def name(self) -> str:
        """Tell it from others, ``cp311-aarch64``; the name of its releases ends so."""
        return f"{self.tag}-{self.machine}"

    @property
    def platforms(self) -> list[str]:
        """Platform tags of wheels that run there, best first."""
        named = [
            f"manylinux_2_{minor}_{self.machine}" for minor in range(self.system.glibc, _OLDEST_GLIBC - 1, -1)
        ]
        return [*named, f"manylinux2014_{self.machine}", f"linux_{self.machine}"]

    @property
    def debian_architecture(self) -> str:
        """As Debian calls the machine."""
        return {"aarch64": "arm64", "x86_64": "amd64"}[self.machine]

    @property
    def lock(self) -> Path:
        """Versions and hashes that were chosen, kept in the repository; for every machine."""
        return LOCKS / f"{self.tag}.txt"


def target_of(python: str, machine: str) -> Target:
    """Return a target.

    Raises
    ------
    InputError
        No release of the operating system has this Python, or the machine is unknown.
    """
    for system in SYSTEMS:
        if system.python == python:
            if machine not in MACHINES:
                raise InputError(f"--machine {machine}: one of {', '.join(MACHINES)}")
            return Target(system, machine)
    known = ", ".join(f"{each.python} ({each.release})" for each in SYSTEMS)
    raise InputError(f"--python {python}: one of {known}")
