"""Build products for tests: made once a run by the real command, and tiny wheels where the real ones do not matter."""

from __future__ import annotations

import os
import re
from pathlib import Path
from zipfile import ZipFile

from cardscanner_tools.cli import main
from cardscanner_tools.dist.targets import MACHINES, Target, target_of
from cardscanner_tools.dist.wheel_writing import write_wheel
from cardscanner_tools.dist.wheels import Wheel, read_wheel

ROOT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("CARDSCANNER_DIST", ROOT / "out" / "dist"))
"""What was fetched for one run is there for the next."""
TARGETS = [target_of(python, machine) for python in ("3.11", "3.13") for machine in MACHINES]


def make_dist(out: Path, *options: str | Path) -> Path:
    """Run the command for every target, with what is in the cache."""
    kept = CACHE / "cache"
    kept.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    if not (out / "cache").exists():
        (out / "cache").symlink_to(kept)
    machines = [word for machine in MACHINES for word in ("--machine", machine)]
    assert main(["dist", "--out", str(out), *machines, *map(str, options)]) == 0
    return out


def house_of(out: Path, target: Target) -> Path:
    """Return a target's wheelhouse."""
    return next(each for each in out.glob("wheelhouse-*") if each.name.endswith(target.name))


def tiny_wheel(
    folder: Path, name: str, version: str, *needs: str, tag: str = "py3-none-any", **metadata: str
) -> Wheel:
    """Write a wheel with nothing in it but its metadata; keywords are further fields of that."""
    stem = re.sub(r"[-.]+", "_", name)
    folder.mkdir(parents=True, exist_ok=True)
    fields = [("Metadata-Version", "2.4"), ("Name", name), ("Version", version)]
    fields += [(key.replace("_", "-"), value) for key, value in metadata.items()]
    fields += [("Requires-Dist", each) for each in needs]
    inside = f"{stem}-{version}.dist-info"
    contents = {
        f"{inside}/METADATA": "".join(f"{key}: {value}\n" for key, value in fields),
        f"{inside}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    path = folder / f"{stem}-{version}-{tag}.whl"
    return read_wheel(write_wheel(path, {file: text.encode() for file, text in contents.items()}))


def changed_wheel(wheel: Path, into: Path, version: str, files: dict[str, str]) -> Path:
    """Write the product's wheel as another version, with some of its files replaced."""
    before = wheel.name.split("-")[1]
    contents = {}
    with ZipFile(wheel) as old:
        for name in old.namelist():
            data = files[name].encode() if name in files else old.read(name)
            if name.endswith("/METADATA"):
                data = data.replace(f"Version: {before}".encode(), f"Version: {version}".encode())
            contents[name.replace(f"-{before}.dist-info", f"-{version}.dist-info")] = data
    del contents[f"cardscanner-{version}.dist-info/RECORD"]
    into.mkdir(parents=True, exist_ok=True)
    return write_wheel(into / wheel.name.replace(before, version, 1), contents)
