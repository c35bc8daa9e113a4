"""Annoy for a target: it comes as source only; its one C++ file is compiled here, across processors."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import time
from email.parser import HeaderParser
from pathlib import Path
from tempfile import TemporaryDirectory

from cardscanner.errors import InputError
from cardscanner_tools.dist.targets import Target
from cardscanner_tools.dist.wheel_writing import write_wheel

COMPILE = (
    *("-O3", "-ffast-math", "-fno-associative-math", "-DANNOYLIB_MULTITHREADED_BUILD", "-std=c++14"),
    *("-fpermissive", "-w", "-g0", "-fPIC", "-DNDEBUG", "-c"),
)
"""As the package's own setup.py, but for `-march=native`: every processor of the kind must run it."""
LINK = ("-shared", "-s", "-Wl,--build-id=none", "-Wl,-z,relro,-z,now")
"""Not with `-ffast-math`: the compiler would add start-up code that makes denormal numbers zero in the
whole process."""


def build_annoy(source: Path, target: Target, root: Path, out: Path) -> Path:
    """Compile and pack; return the wheel. ``root``: where the target's headers are unpacked.

    Raises
    ------
    InputError
        The compiler is missing or fails, or its C library is newer than the target's.
    """
    with TemporaryDirectory() as work, tarfile.open(source) as archive:
        archive.extractall(work, filter="data")
        folder = Path(work) / source.name.removesuffix(".tar.gz")
        extension = folder / "annoy" / f"annoylib.cpython-{target.tag[2:]}-{target.machine}-linux-gnu.so"
        _compile(folder / "src" / "annoymodule.cc", target, _python_headers(root, target, folder), extension)
        newest = newest_glibc(extension.read_bytes())
        if newest > target.system.glibc:
            raise InputError(
                f"annoy was compiled against glibc 2.{newest}, {target.system.release} has "
                f"2.{target.system.glibc}: make it on {target.system.release}, or an older system"
            )
        return _pack(folder, target, out)


def newest_glibc(library: bytes) -> int:
    """Return the minor version of the newest glibc whose symbols a library needs; 0: of none."""
    return max((int(each) for each in re.findall(rb"GLIBC_2\.(\d+)", library)), default=0)


def _python_headers(root: Path, target: Target, folder: Path) -> list[str]:
    """Copy Python's headers alone: the rest of the target's would not fit this machine's compiler."""
    python, place = f"python{target.system.python}", folder / "headers"
    for name in (python, f"{target.machine}-linux-gnu/{python}"):
        shutil.copytree(root / "usr" / "include" / name, place / name)
    return [f"-I{place / python}", f"-I{place}"]


def _compile(source: Path, target: Target, headers: list[str], extension: Path) -> None:
    compiler = f"{target.machine}-linux-gnu-g++"
    if shutil.which(compiler) is None:
        package = f"g++-{target.machine.replace('_', '-')}-linux-gnu"
        raise InputError(f"{compiler} is missing: apt install {package}")
    piece = extension.with_suffix(".o")
    here = f"-ffile-prefix-map={source.parents[1]}=."  # no path of this machine in what it makes
    for command in (
        [compiler, *COMPILE, here, *headers, str(source), "-o", str(piece)],
        [compiler, *LINK, str(piece), "-o", str(extension)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise InputError(f"annoy could not be compiled for {target.name}:\n{done.stderr.strip()[-2000:]}")
    piece.unlink()


def _pack(folder: Path, target: Target, out: Path) -> Path:
    """Write the wheel (PEP 427) with the source's own metadata and licence."""
    information = (folder / "PKG-INFO").read_text()
    version = HeaderParser().parsestr(information)["Version"]
    tag = f"{target.tag}-{target.tag}-linux_{target.machine}"
    place = out / f"annoy-{version}-{tag}.whl"
    described = f"annoy-{version}.dist-info"
    contents = {f"annoy/{file.name}": file.read_bytes() for file in sorted((folder / "annoy").iterdir())}
    contents |= {
        f"{described}/METADATA": information.encode(),
        f"{described}/LICENSE": (folder / "LICENSE").read_bytes(),
        f"{described}/WHEEL": (
            f"Wheel-Version: 1.0\nGenerator: cardscanner-tools\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
        ),
    }
    released = time.gmtime((folder / "PKG-INFO").stat().st_mtime)
    return write_wheel(place, contents, released[:6])
