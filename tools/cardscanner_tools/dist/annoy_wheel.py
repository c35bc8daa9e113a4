"""Annoy for a target: it comes as source only; its one C++ file is compiled here, across processors."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from email.parser import HeaderParser
from pathlib import Path
from tempfile import TemporaryDirectory

from wheel.wheelfile import WheelFile

from cardscanner.errors import InputError
from cardscanner_tools.dist.targets import Target

FLAGS = (
    *("-O3", "-ffast-math", "-fno-associative-math", "-DANNOYLIB_MULTITHREADED_BUILD", "-std=c++14"),
    *("-fpermissive", "-w", "-g0", "-fPIC", "-shared", "-DNDEBUG", "-static-libgcc", "-Wl,--build-id=none"),
)
"""As the package's own setup.py, but for `-march=native`: every processor of the kind must run it."""


def build_annoy(source: Path, target: Target, root: Path, out: Path) -> Path:
    """Compile and pack; return the wheel. ``root``: the target's headers (:func:`..sysroot.sysroot`).

    Raises
    ------
    InputError
        The compiler is missing or fails.
    """
    compiler = f"{target.machine}-linux-gnu-g++"
    if shutil.which(compiler) is None:
        raise InputError(
            f"{compiler} is missing: apt install g++-{target.machine.replace('_', '-')}-linux-gnu"
        )
    with TemporaryDirectory() as work, tarfile.open(source) as archive:
        archive.extractall(work, filter="data")
        folder = Path(work) / source.name.removesuffix(".tar.gz")
        python, triplet = f"python{target.system.python}", f"{target.machine}-linux-gnu"
        # Python's headers alone: the rest of the target's would not fit this machine's compiler.
        headers = Path(work) / "headers"
        for place in (python, f"{triplet}/{python}"):
            shutil.copytree(root / "usr" / "include" / place, headers / place)
        extension = folder / "annoy" / f"annoylib.cpython-{target.tag[2:]}-{triplet}.so"
        command = [
            compiler, *FLAGS, f"-ffile-prefix-map={work}=.", f"-I{headers / python}", f"-I{headers}",
            str(folder / "src" / "annoymodule.cc"), "-o", str(extension),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise InputError(f"annoy could not be compiled for {target.name}:\n{done.stderr.strip()[-2000:]}")
        return _pack(folder, target, out)


def _pack(folder: Path, target: Target, out: Path) -> Path:
    """Write the wheel (PEP 427) with the source's own metadata and licence."""
    information = (folder / "PKG-INFO").read_text()
    version = HeaderParser().parsestr(information)["Version"]
    tag = f"{target.tag}-{target.tag}-linux_{target.machine}"
    place = out / f"annoy-{version}-{tag}.whl"
    described = f"annoy-{version}.dist-info"
    with WheelFile(place, "w") as wheel:
        for file in sorted((folder / "annoy").iterdir()):
            wheel.write(file, f"annoy/{file.name}")
        wheel.writestr(f"{described}/METADATA", information)
        wheel.writestr(f"{described}/LICENSE", (folder / "LICENSE").read_bytes())
        wheel.writestr(
            f"{described}/WHEEL",
            f"Wheel-Version: 1.0\nGenerator: cardscanner-tools\nRoot-Is-Purelib: false\nTag: {tag}\n",
        )
    return place
