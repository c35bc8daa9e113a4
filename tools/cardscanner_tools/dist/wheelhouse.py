"""A flat folder of wheels, and their hashes: all that a box installs beside what apt brings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from cardscanner.errors import InputError
from cardscanner.files import sha256_of
from cardscanner_tools.dist.annoy_wheel import build_annoy
from cardscanner_tools.dist.sysroot import sysroot
from cardscanner_tools.dist.targets import LOCKS, Target

REQUIREMENTS = "requirements.txt"
CONSTRAINTS = "constraints.txt"
SOURCE_ONLY = "annoy"


@dataclass(frozen=True, slots=True)
class Wheel:
    """One file of a wheelhouse, and what its own metadata says."""

    path: Path
    name: str
    version: str
    licence: str

    @property
    def sha256(self) -> str:
        """Of the whole file."""
        return sha256_of(self.path)


def read_wheel(path: Path) -> Wheel:
    """Return a wheel's name, version and licence from its METADATA (core metadata 2.4)."""
    with ZipFile(path) as archive:
        inside = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        metadata = HeaderParser().parsestr(archive.read(inside).decode())
    return Wheel(path, metadata["Name"], metadata["Version"], _licence(metadata))


def make_product(repository: Path, out: Path, epoch_s: int) -> Path:
    """Build the product's own wheel; the same commit gives the same bytes.

    Raises
    ------
    InputError
        The build failed.
    """
    with TemporaryDirectory() as work:
        _pip(
            *("wheel", "--no-deps", "--wheel-dir", work, str(repository)),
            environment={"SOURCE_DATE_EPOCH": str(epoch_s)},
        )
        built = next(Path(work).glob("*.whl"))
        return Path(shutil.move(built, out / built.name))


def lock(target: Target, repository: Path) -> None:
    """Let pip choose the newest versions that work together and with the system's numpy; write them down.

    Raises
    ------
    InputError
        There is no such choice.
    """
    wanted = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = [each for each in wanted if each.startswith(SOURCE_ONLY)]
    with TemporaryDirectory() as work:
        files = Path(work)
        _constrain(target, files)
        with (files / CONSTRAINTS).open("a") as more:
            more.write((LOCKS / "box.txt").read_text())
        asked = files / "asked.txt"
        asked.write_text("\n".join(each for each in wanted if each not in pinned))
        chosen = files / "chosen"
        _pip(
            "download",
            *_only_for(target),
            "-c",
            str(files / CONSTRAINTS),
            "-r",
            str(asked),
            "-d",
            str(chosen),
        )
        wheels = sorted(map(read_wheel, chosen.glob("*.whl")), key=lambda each: each.name.lower())
    lines = [f"{each.name}=={each.version}" for each in wheels if each.name != "numpy"]
    target.lock.parent.mkdir(exist_ok=True)
    target.lock.write_text(
        f"# {target.system.release}: chosen to work with numpy {target.system.numpy}, which apt brings.\n"
        "# Made by `cardscanner-tools dist --relock`.\n"
        + "\n".join(sorted([*pinned, *lines], key=str.lower))
        + "\n"
    )


def make_wheelhouse(
    target: Target, product: Path, beside: dict[str, Path], cache: Path, folder: Path
) -> list[Wheel]:
    """Fetch what is locked, compile what has no wheel, write the hashes; return the wheels.

    ``beside``: further files, by their places in the folder.

    It is put together beside its place and renamed. What was fetched once is kept in ``cache``.

    Raises
    ------
    InputError
        A package cannot be had or compiled; nothing of the folder is there then.
    """
    kept = cache / f"wheels-{target.name}"
    kept.mkdir(parents=True, exist_ok=True)
    locked = [line for line in target.lock.read_text().splitlines() if line and not line.startswith("#")]
    ours = next(line for line in locked if line.startswith(f"{SOURCE_ONLY}=="))
    with TemporaryDirectory() as work:
        asked = Path(work) / "asked.txt"
        asked.write_text("\n".join(line for line in locked if line != ours))
        _pip(
            "download",
            "--no-deps",
            *_only_for(target),
            "--find-links",
            str(kept),
            "-r",
            str(asked),
            "-d",
            str(kept),
        )
    built = kept / f"{ours.replace('==', '-')}-{target.tag}-{target.tag}-linux_{target.machine}.whl"
    if not built.exists():
        _pip("download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", ours, "-d", str(cache))
        build_annoy(cache / f"{ours.replace('==', '-')}.tar.gz", target, sysroot(target, cache), kept)
    making = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    wanted = {_normal(line.split("==")[0]): line.split("==")[1] for line in locked}
    for path in sorted(kept.glob("*.whl")):
        wheel = read_wheel(path)
        if wanted.get(_normal(wheel.name)) == wheel.version:
            shutil.copyfile(path, making / path.name)
    shutil.copyfile(product, making / product.name)
    wheels = [read_wheel(path) for path in sorted(making.glob("*.whl"))]
    _demand_all(wheels, wanted, target)
    (making / REQUIREMENTS).write_text(
        "".join(f"{each.name}=={each.version} --hash=sha256:{each.sha256}\n" for each in wheels)
    )
    _constrain(target, making)
    for name, path in beside.items():
        (making / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, making / name)
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)
    return [read_wheel(path) for path in sorted(folder.glob("*.whl"))]


def _demand_all(wheels: list[Wheel], wanted: dict[str, str], target: Target) -> None:
    there = [_normal(each.name) for each in wheels]
    missing = sorted(name for name in wanted if there.count(name) != 1)
    if missing:
        raise InputError(
            f"{target.name}: not exactly one wheel of {', '.join(missing)}; empty the cache and try again"
        )
    if "numpy" in there:
        raise InputError(
            f"{target.name}: numpy would hide the system's, which picamera2 needs: {target.lock}"
        )


def _constrain(target: Target, folder: Path) -> None:
    (folder / CONSTRAINTS).write_text(f"numpy=={target.system.numpy}\n")


def _only_for(target: Target) -> list[str]:
    options = ["--only-binary", ":all:", "--python-version", target.system.python, "--implementation", "cp"]
    options += [word for abi in (target.tag, "abi3", "none") for word in ("--abi", abi)]
    return options + [word for platform in target.platforms for word in ("--platform", platform)]


def _pip(*arguments: str, environment: dict[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}
    )
    if done.returncode != 0:
        raise InputError(f"pip {arguments[0]} failed: {done.stderr.strip()[-1500:]}")


def _licence(metadata: Message) -> str:
    """Return what the package says of its licence: an SPDX expression where it has one."""
    stated = metadata["License-Expression"]
    classified = [
        each.split(" :: ")[-1] for each in metadata.get_all("Classifier", []) if each.startswith("License")
    ]
    free = (metadata["License"] or "").strip().splitlines()
    return str(stated or (" AND ".join(classified)) or (free[0] if free else "not stated"))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
