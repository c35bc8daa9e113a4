"""Wheels: what their own metadata says, and whether a set of them is complete for a target."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename

from cardscanner.errors import InputError
from cardscanner.files import sha256_of
from cardscanner_tools.dist.targets import Target


@dataclass(frozen=True, slots=True)
class Wheel:
    """One file of a wheelhouse, and what its own metadata says."""

    path: Path
    name: str
    version: str
    licence: str
    requires: tuple[str, ...] = field(default=(), repr=False)
    requires_python: str = ""

    @property
    def key(self) -> NormalizedName:
        """The name as it is compared: ``PyNaCl`` and ``pynacl`` are one."""
        return canonicalize_name(self.name)

    @property
    def sha256(self) -> str:
        """Of the whole file."""
        return sha256_of(self.path)


def read_wheel(path: Path) -> Wheel:
    """Return a wheel's name, version, licence and needs from its METADATA (core metadata 2.4)."""
    with ZipFile(path) as archive:
        inside = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        metadata = HeaderParser().parsestr(archive.read(inside).decode())
    return Wheel(
        path,
        metadata["Name"],
        metadata["Version"],
        _licence(metadata),
        tuple(metadata.get_all("Requires-Dist", [])),
        metadata["Requires-Python"] or "",
    )


def check_complete(wheels: Sequence[Wheel], target: Target) -> None:
    """Refuse wheels that would not work on the target with the numpy of its system and no network.

    pip itself cannot tell: it reads ``python_version < "3.13"`` as of the Python that it runs on.

    Raises
    ------
    InputError
        With every need that is not met.
    """
    wrong = sorted({line for wheel in wheels for line in _wrong_with(wheel, wheels, target)})
    if wrong:
        raise InputError(f"{target.name}: these wheels do not go together:\n  " + "\n  ".join(wrong))


def _wrong_with(wheel: Wheel, wheels: Sequence[Wheel], target: Target) -> Iterator[str]:
    python = f"{target.system.python}.0"
    if wheel.key == "numpy":
        yield f"numpy would hide the one of {target.system.release}, which picamera2 needs"
    if not SpecifierSet(wheel.requires_python).contains(python):
        yield f"{wheel.name} {wheel.version} is for Python {wheel.requires_python}"
    if not parse_wheel_filename(wheel.path.name)[3] & _tags(target):
        yield f"{wheel.path.name} is for another machine or system"
    there: dict[str, str] = {"numpy": target.system.numpy, **{each.key: each.version for each in wheels}}
    for text in wheel.requires:
        need = Requirement(text)
        if need.marker is not None and not need.marker.evaluate(_environment(target)):
            continue
        version = there.get(canonicalize_name(need.name))
        if version is None or not need.specifier.contains(version, prereleases=True):
            yield f"{wheel.name} {wheel.version} needs {text}, here is {version or 'none'}"


def _tags(target: Target) -> frozenset[Tag]:
    major, minor = map(int, target.system.python.split("."))
    return frozenset(
        [
            *cpython_tags((major, minor), [target.tag], target.platforms),
            *compatible_tags((major, minor), target.tag, target.platforms),
        ]
    )


def _environment(target: Target) -> dict[str, str]:
    """Return what conditions of packages are evaluated against (PEP 508)."""
    return {
        "python_version": target.system.python,
        "python_full_version": f"{target.system.python}.0",
        "implementation_name": "cpython",
        "implementation_version": f"{target.system.python}.0",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": target.machine,
        "platform_release": "",
        "platform_version": "",
        "extra": "",
    }


def _licence(metadata: Message) -> str:
    """Return what the package says of its licence: an SPDX expression where it has one."""
    stated = metadata["License-Expression"]
    classified = [
        each.split(" :: ")[-1] for each in metadata.get_all("Classifier", []) if each.startswith("License")
    ]
    free = (metadata["License"] or "").strip().splitlines()
    return str(stated or (" AND ".join(classified)) or (free[0] if free else "not stated"))
