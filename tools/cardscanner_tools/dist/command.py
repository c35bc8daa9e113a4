r"""Make everything that a box installs: wheel, wheelhouses with hashes, list of parts, all of it signed.

A wheelhouse is made for one Python and one processor: `--python 3.11` is Raspberry Pi OS 12 (Bookworm),
`--python 3.13` is 13 (Trixie). It holds all but what apt brings (numpy, picamera2, HailoRT). Versions are
locked in the repository; what was fetched once stays in DIR/cache, so that an interrupted run goes on where
it was. DIR/site is what boxes take updates from; it grows with each version (docs/dist.md). What one box
needs without anything else is in DIR/cardscanner-<version>-box.tar.gz (docs/install.md).

Examples
--------
  cardscanner-tools dist --out dist --key keys/release.key            # both, for the Pi
  cardscanner-tools dist --out dist --python 3.11 --machine x86_64    # to try on this machine; not signed
  cardscanner-tools dist --relock                                     # choose newer versions
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tqdm import tqdm

from cardscanner.errors import InputError
from cardscanner.files import replacing, sha256_of
from cardscanner.shipped import DEFAULT_FINDER, shipped_database, shipped_finder, shipped_model
from cardscanner.update.release import SIGNATURE, read_kept
from cardscanner_tools.dist.box_tarball import write_box_tarball
from cardscanner_tools.dist.lock import choose, write_lock
from cardscanner_tools.dist.sbom import SBOM, write_sbom
from cardscanner_tools.dist.targets import MACHINES, SYSTEMS, Target, target_of
from cardscanner_tools.dist.wheelhouse import make_product, make_wheelhouse
from cardscanner_tools.release.bundle import (
    About,
    Source,
    find_source,
    self_test_of,
    sign_document,
    write_release,
)
from cardscanner_tools.release.index_command import write_index
from cardscanner_tools.release.key_command import password_in
from cardscanner_tools.release.secret_key import SecretKey, read_key

REPOSITORY = Path(__file__).parents[3]
SUMS = "SHA256SUMS"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        "--out", type=Path, default=Path("dist"), metavar="DIR", help="where it all goes (dist)"
    )
    parser.add_argument("--python", action="append", metavar="X.Y", help="3.11 and 3.13 (default: both)")
    parser.add_argument("--machine", action="append", choices=MACHINES, help="default: aarch64, the Pi")
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="secret key (release-key); without: not signed"
    )
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="its first line decrypts the key")
    parser.add_argument("--relock", action="store_true", help="let pip choose the newest versions, and stop")


def run(arguments: argparse.Namespace) -> int:
    """Make, list, sign."""
    pythons = arguments.python or [each.python for each in SYSTEMS]
    targets = [target_of(python, each) for each in arguments.machine or ["aarch64"] for python in pythons]
    if arguments.relock:
        for target in {each.system: each for each in targets}.values():
            write_lock(target.lock, target.system, choose(target.system, REPOSITORY))
            print(f"{target.lock}: written")
        return 0
    key = _key(arguments)
    out: Path = arguments.out
    cache = out / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    made = _commit_time()
    product = make_product(REPOSITORY, out, int(made.timestamp()))
    version = product.name.split("-")[1]
    houses: dict[Target, Path] = {}
    for target in tqdm(targets, unit="wheelhouse", disable=not sys.stderr.isatty()):
        folder = out / f"wheelhouse-{version}-{target.name}"
        wheels = make_wheelhouse(target, product, _finder(), cache, folder)
        write_sbom(wheels, target, made, folder / SBOM)
        houses[target] = folder
        size = sum(each.path.stat().st_size for each in wheels)
        print(f"{folder}: {len(wheels)} wheels, {size / 2**20:.0f} MiB")
    if key is None:
        _write_sums(out, None)
        (out / f"{SUMS}{SIGNATURE}").unlink(missing_ok=True)
        print(
            f"{out}: NOT signed, and no box takes it. To sign: cardscanner-tools release-key --out keys "
            "--no-password, then the same command with --key keys/release.key"
        )
        return 0
    _release(houses, version, out / "site", key)
    write_index(out / "site", key)
    (out / "site" / "release.pub").write_text(key.public.to_text())
    programs = [f"cardscanner-{each.name}" for each in targets]
    box = out / f"cardscanner-{version}-box.tar.gz"
    print(write_box_tarball(REPOSITORY / "ansible", out / "site", programs, box, int(made.timestamp())))
    _write_sums(out, key)
    print(f"{out / 'site'}: signed; what boxes take updates from")
    return 0


def _release(houses: dict[Target, Path], version: str, site: Path, key: SecretKey) -> None:
    """Sign the program for each target, and the shipped model and database, where they are not there yet."""
    sources: list[tuple[Source, About, Path | None]] = []
    for target, folder in houses.items():
        about = About(python=(target.system.python,), machine=target.machine)
        sources.append((find_source(folder, f"cardscanner-{target.name}", version), about, None))
    model, database = shipped_model(), shipped_database()
    sources.append((find_source(model), About(), database))
    sources.append((find_source(database), About(), model))
    for source, about, other in sources:
        if _is_released(source, site):
            continue
        test = None if other is None else self_test_of(source, other, None, None)
        print(f"signed {write_release(source, site, key, test, about)}")


def _is_released(source: Source, site: Path) -> bool:
    """Whether a site has exactly this.

    Raises
    ------
    InputError
        It has this version with another content.
    """
    folder = site / source.kind / source.name / source.version
    if not folder.exists():
        return False
    release = read_kept(folder)
    if release is None or any(
        name not in release.files or release.files[name].sha256 != sha256_of(path)
        for name, path in source.files.items()
    ):
        raise InputError(
            f"{folder} was released with another content, and a release never changes: give this one "
            "a version of its own (pyproject.toml, or the manifest), or delete a site that no box has seen"
        )
    return True


def _finder() -> dict[str, Path]:
    """Return the files of the corner network, which goes with the program as it does in this repository."""
    model = shipped_finder()
    models = model.parents[1]
    files = [models / DEFAULT_FINDER, *sorted(path for path in model.rglob("*") if path.is_file())]
    return {str(path.relative_to(models.parent)): path for path in files}


def _write_sums(out: Path, key: SecretKey | None) -> None:
    """Write what ``sha256sum -c`` reads, and its signature."""
    names = sorted(
        path.relative_to(out)
        for path in out.rglob("*")
        if path.is_file() and path.relative_to(out).parts[0] != "cache" and not path.name.startswith(SUMS)
    )
    text = "".join(f"{sha256_of(out / name)}  {name}\n" for name in names)
    if key is None:
        with replacing(out / SUMS) as temporary:
            temporary.write_text(text)
    else:
        sign_document(out / SUMS, text.encode(), key, SUMS)


def _key(arguments: argparse.Namespace) -> SecretKey | None:
    if arguments.key is None:
        return None
    password = None if arguments.password_file is None else password_in(arguments.password_file)
    return read_key(arguments.key, password)


def _commit_time() -> datetime:
    """Return when the newest commit was made: what the same commit gives must not hang on today."""
    done = subprocess.run(
        ["git", "-C", str(REPOSITORY), "log", "-1", "--format=%ct"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise InputError(f"{REPOSITORY} is no git checkout: products are made from a commit")
    return datetime.fromtimestamp(int(done.stdout), UTC)
