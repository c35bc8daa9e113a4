"""A flat folder of wheels, and their hashes: all that a box installs beside what apt brings."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cardscanner.errors import InputError
from cardscanner.files import replacing, sha256_of
from cardscanner_tools.dist import annoy_wheel
from cardscanner_tools.dist.lock import SOURCE_ONLY, Locked, fetch_source, read_lock
from cardscanner_tools.dist.pip_runs import only_for, run_pip
from cardscanner_tools.dist.sysroot import headers
from cardscanner_tools.dist.targets import Target
from cardscanner_tools.dist.wheels import Wheel, check_complete, read_wheel

REQUIREMENTS = "requirements.txt"
CONSTRAINTS = "constraints.txt"


def make_product(repository: Path, out: Path, epoch_s: int) -> Path:
    """Build the product's own wheel; the same commit gives the same bytes.

    With the build backend that is installed here, and no network.

    Raises
    ------
    InputError
        The build failed.
    """
    with TemporaryDirectory(dir=out) as work:
        run_pip(
            *("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", work, str(repository)),
            environment={"SOURCE_DATE_EPOCH": str(epoch_s)},
        )
        built = next(Path(work).glob("*.whl"))
        return built.replace(out / built.name)


def make_wheelhouse(
    target: Target, product: Path, beside: dict[str, Path], cache: Path, folder: Path
) -> list[Wheel]:
    """Fetch what is locked, compile what has no wheel, write the hashes; return the wheels.

    ``beside``: further files, by their places in the folder. It is put together beside its place and renamed.
    What was fetched once is kept in ``cache``; nothing is asked of the network when all is there.

    Raises
    ------
    InputError
        A package cannot be had or compiled, or they do not go together; the folder is as it was then.
    """
    kept = cache / f"wheels-{target.name}"
    kept.mkdir(parents=True, exist_ok=True)
    locked = read_lock(target.lock)
    paths = [product, *_fetched(locked, target, kept), _compiled(locked, target, cache, kept)]
    wheels = sorted((read_wheel(path) for path in paths), key=lambda each: each.key)
    check_complete(wheels, target)
    making = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    files = {**{each.path.name: each.path for each in wheels}, **beside}
    for name, path in files.items():
        (making / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, making / name)
    write_requirements(making, wheels)
    (making / CONSTRAINTS).write_text(f"numpy=={target.system.numpy}\n")
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)
    return [read_wheel(folder / each.path.name) for each in wheels]


def write_requirements(folder: Path, wheels: Sequence[Wheel]) -> None:
    """Write what pip installs from the folder: exact versions, each of one file."""
    (folder / REQUIREMENTS).write_text(
        "".join(f"{each.name}=={each.version} --hash=sha256:{each.sha256}\n" for each in wheels)
    )


def _fetched(locked: Sequence[Locked], target: Target, kept: Path) -> list[Path]:
    """Return the wheel of each line of the lock, fetched if it is not here unharmed."""
    binary = [each for each in locked if each.key != SOURCE_ONLY]
    known = {h for each in binary for h in each.sha256}
    here = dict(_hashed(kept, known))
    missing = [each for each in binary if not each.sha256 & here.keys()]
    if missing:
        with TemporaryDirectory(dir=kept) as work:
            asked = Path(work) / "asked.txt"
            asked.write_text("\n".join(each.text for each in missing))
            run_pip(
                *("download", "--no-deps", "--require-hashes", *only_for(target)),
                *("-r", str(asked), "-d", work),
            )
            for path in Path(work).glob("*.whl"):
                path.replace(kept / path.name)
        here = dict(_hashed(kept, known))
    absent = [each.name for each in binary if not each.sha256 & here.keys()]
    if absent:
        raise InputError(f"{target.name}: pip did not bring {', '.join(absent)}")
    return [here[next(iter(each.sha256 & here.keys()))] for each in binary]


def _hashed(kept: Path, known: set[str]) -> Iterator[tuple[str, Path]]:
    for path in sorted(kept.glob("*.whl")):
        sha256 = sha256_of(path)
        if sha256 in known:
            yield sha256, path


def _compiled(locked: Sequence[Locked], target: Target, cache: Path, kept: Path) -> Path:
    """Return the wheel of what comes as source only, compiled if it is not here unharmed."""
    line = next(each for each in locked if each.key == SOURCE_ONLY)
    built = kept / f"{line.name}-{line.version}-{target.tag}-{target.tag}-linux_{target.machine}.whl"
    seal = built.with_suffix(".whl.made")
    recipe = sha256_of(Path(annoy_wheel.__file__))
    if built.is_file() and seal.is_file() and seal.read_text() == f"{sha256_of(built)} by {recipe}":
        return built
    source = cache / f"{line.name}-{line.version}.tar.gz"
    if not source.is_file() or sha256_of(source) not in line.sha256:
        source = fetch_source(line.text, cache)
    made = annoy_wheel.build_annoy(source, target, headers(target, cache), kept)
    with replacing(seal) as temporary:
        temporary.write_text(f"{sha256_of(made)} by {recipe}")
    return made
