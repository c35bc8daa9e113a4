"""One box's tarball: roles, playbooks, the newest of the signed site, and ``install.sh``.

Its bytes depend on the site and the checkout alone: names in order, one date, nobody's user.
"""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Collection, Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from cardscanner.errors import InputError
from cardscanner.files import replacing
from cardscanner.update.release import INDEX, SIGNATURE, Index, order_of, read_document

SUMS = "SHA256SUMS"
_PLAIN = ("galaxy.yml", "README.md", "ansible.cfg", "meta/runtime.yml")
_TREES = ("playbooks", "roles")
_EXECUTABLE = 0o755
_READABLE = 0o644


def write_box_tarball(ansible: Path, site: Path, programs: Collection[str], place: Path, made_s: int) -> Path:
    """Write ``place``, a ``.tar.gz``, with these programs and every model and database of the site.

    Raises
    ------
    InputError
        The site has no index, or not all that a box needs.
    """
    contents = {
        **{file.relative_to(ansible / "install").as_posix(): file for file in _files(ansible / "install")},
        **{f"ansible/{file.relative_to(ansible).as_posix()}": file for file in _collection(ansible)},
        **{f"site/{file.relative_to(site).as_posix()}": file for file in _newest(site, programs)},
    }
    sums = "".join(f"{_sha256_of(contents[name])}  {name}\n" for name in sorted(contents))
    folder = place.name.removesuffix(".tar.gz")
    with (
        replacing(place) as temporary,
        temporary.open("wb") as file,
        # Wheels are compressed already.
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(contents):
            _add(tar, f"{folder}/{name}", contents[name].read_bytes(), _mode_of(contents[name]), made_s)
        _add(tar, f"{folder}/{SUMS}", sums.encode(), _READABLE, made_s)
    return place


def _collection(ansible: Path) -> Iterator[Path]:
    """Yield what an installed collection has; files that are links to this repository's become files."""
    yield from (ansible / name for name in _PLAIN)
    for tree in _TREES:
        yield from _files(ansible / tree)


def _newest(site: Path, programs: Collection[str]) -> Iterator[Path]:
    if not (site / INDEX).is_file():
        raise InputError(f"{site} has no {INDEX}: boxes take signed releases only (--key)")
    index = read_document((site / INDEX).read_bytes(), Index, str(site / INDEX))
    # The last of a name is the newest.
    newest = {
        (each.kind, each.name): each
        for each in sorted(index.releases, key=lambda each: order_of(each.version))
        if each.kind != "program" or each.name in programs
    }
    absent = {("program", name) for name in programs} - newest.keys()
    if absent or {"model", "database"} - {kind for kind, _ in newest}:
        needs = ", ".join(sorted(programs))
        raise InputError(f"{site} has not what a box needs: {needs}, a model and a database")
    yield from (site / INDEX, site / f"{INDEX}{SIGNATURE}", *sorted(site.glob("*.pub")))
    for each in newest.values():
        yield from _files(site / each.path)


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".pyc")


def _sha256_of(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _mode_of(path: Path) -> int:
    return _EXECUTABLE if path.stat().st_mode & 0o100 else _READABLE


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int, made_s: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(data), mode, made_s
    entry.uname = entry.gname = "root"
    tar.addfile(entry, BytesIO(data))
