"""A release in a folder that any web server serves: ``<kind>/<name>/<version>/`` with release.json."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tqdm import tqdm

from cardscanner.config import IndexConfig
from cardscanner.errors import ArtifactError, InputError
from cardscanner.files import replacing, sha256_of, sync_folder
from cardscanner.manifest import MANIFEST, describe_file, load_database_manifest, load_model_manifest
from cardscanner.pictures import SUFFIXES
from cardscanner.update.patch import write_patch
from cardscanner.update.proof import Pair, recognised
from cardscanner.update.release import RELEASE, SIGNATURE, Kind, Patch, Release, SelfTest, order_of
from cardscanner.update.release import read_kept as read_release
from cardscanner_tools.release.differ import difference
from cardscanner_tools.release.secret_key import SecretKey

PICTURES = 64
"""Of the database's own, that a box tries."""
SLACK = 0.15
"""The floor lies so far below what was measured: another machine rounds otherwise, nothing more."""
LEAST = 0.5
"""A database that recognises fewer of its own pictures is not released."""
WORTH = 0.7
"""A patch is offered when it has at most this share of the file's bytes."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be released."""

    kind: Kind
    folder: Path
    name: str
    version: str
    files: dict[str, Path]
    space: str | None = None
    dim: int | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What people and boxes want to know about a release."""

    notes: str = ""
    page: str | None = None
    python: tuple[str, ...] = ()
    machine: str | None = None


def find_source(folder: Path, name: str | None = None, version: str | None = None) -> Source:
    """Return what lies in a folder: a database, a model, or anything else, which is a program.

    Raises
    ------
    ArtifactError, InputError
        It is damaged, or a program without name or version.
    """
    if not (folder / MANIFEST).is_file():
        if version is None:
            raise InputError(f"{folder} has no {MANIFEST}, so it is a program: give --version")
        files = {str(each.relative_to(folder)): each for each in sorted(folder.rglob("*")) if each.is_file()}
        return Source("program", folder, name or "cardscanner", version, files)
    try:
        database = load_database_manifest(folder)
    except ArtifactError:
        model = load_model_manifest(folder)
        words = sorted(each.name for each in folder.iterdir() if each.suffix in {".md", ".txt"})
        files = {each: folder / each for each in (MANIFEST, *model.files, *words)}
        return Source("model", folder, model.name, model.version, files, model.space, model.dim)
    files = {each: folder / each for each in (MANIFEST, *database.files)}
    return Source("database", folder, database.name, database.version, files, database.space, database.dim)


def write_release(
    source: Source,
    site: Path,
    key: SecretKey,
    self_test: SelfTest | None,
    about: About,
    patches: int = 1,
) -> Path:
    """Copy the files, make patches against the versions before, sign; return the release's folder.

    It is put together beside its place and renamed, so that a server never shows a part of it.

    Raises
    ------
    InputError
        This version is there already: releases never change.
    """
    shelf = site / source.kind / source.name
    target = shelf / source.version
    if target.exists():
        raise InputError(f"{target} exists: a release never changes; give the new one a version of its own")
    work = shelf / f".{source.version}.tmp"
    if work.exists():
        shutil.rmtree(work)
    for name, path in _shown(source.files, "copying"):
        place = work / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    files = {name: describe_file(work / name) for name, _ in _shown(source.files, "hashing")}
    older = [each for each in released(shelf) if order_of(each.name) < order_of(source.version)]
    made = (
        [patch for folder in older[-patches:] for patch in _patches(folder, work, source)] if patches else []
    )
    release = Release(
        kind=source.kind,
        name=source.name,
        version=source.version,
        created=datetime.now(UTC),
        notes=about.notes,
        page=about.page,
        files=files,
        patches=tuple(made),
        space=source.space,
        dim=source.dim,
        python=about.python,
        machine=about.machine,
        self_test=self_test,
    )
    document = release.model_dump_json(indent=2).encode()
    sign_document(work / RELEASE, document, key, release.title)
    work.rename(target)
    sync_folder(shelf)
    return target


def sign_document(path: Path, document: bytes, key: SecretKey, comment: str) -> None:
    """Write a document and, first, its signature: a reader between the two is refused, not fooled."""
    signature = key.sign(document, f"{comment}, {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    for place, data in (
        (path.with_name(path.name + SIGNATURE), signature.to_text().encode()),
        (path, document),
    ):
        with replacing(place) as temporary:
            temporary.write_bytes(data)


def released(shelf: Path) -> list[Path]:
    """Return the folders of one thing's releases, oldest first."""
    return sorted(
        (each.parent for each in shelf.glob(f"[0-9]*/{RELEASE}")), key=lambda each: order_of(each.name)
    )


def self_test_of(source: Source, other: Path, probes: Path | None, floor: float | None) -> SelfTest:
    """Measure what a box will have to reach; probe pictures become files of the release.

    ``other`` is the model of a database, or a database of the model.

    Raises
    ------
    InputError
        There are no pictures to test with, or too few of them are recognised.
    """
    pair = Pair(source.folder, other) if source.kind == "model" else Pair(other, source.folder)
    cards = {}
    for number, path in enumerate(_pictures(probes)):
        name = f"probes/{number:04}{path.suffix.lower()}"
        source.files[name] = path
        cards[name] = path.stem
    draft = SelfTest(floor=0, measured=0, pictures=PICTURES, probes=cards)
    share = recognised(pair, draft, source.files, IndexConfig(database=pair.database))
    if share.of == 0:
        raise InputError(
            f"{pair.database} has no pictures to test with: build it with second looks, or give --probes "
            "FOLDER with pictures named after their card ids"
        )
    if share.rate < LEAST:
        raise InputError(
            f"{share.right} of {share.of} known pictures are recognised: {pair.database} was not built with "
            f"{pair.model}, or its pictures are of other cards"
        )
    reached = max(0.0, round(share.rate - SLACK, 3)) if floor is None else floor
    if share.rate < reached:
        raise InputError(f"--floor {reached} is above what is reached here, {share.rate:.3f}")
    return draft.model_copy(update={"floor": reached, "measured": round(share.rate, 4)})


def _pictures(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES)


def _patches(before: Path, work: Path, source: Source) -> Iterator[Patch]:
    """Write the patches that are worth it against one release."""
    older = read_release(before)
    if older is None:
        return
    had = {entry.sha256 for entry in older.files.values()}
    for name, path in _shown(source.files, f"patching from {older.version}"):
        old = _counterpart(name, sorted(older.files))
        if old is None or sha256_of(path) in had:
            continue
        place = work / "patches" / f"{Path(name).name}.{older.files[old].sha256[:12]}"
        place.parent.mkdir(exist_ok=True)
        with place.open("wb") as out:
            write_patch(difference((before / old).read_bytes(), path.read_bytes()), out)
        if place.stat().st_size > WORTH * path.stat().st_size:
            place.unlink()
            continue
        entry = describe_file(place)
        yield Patch(
            file=name,
            source_sha256=older.files[old].sha256,
            path=str(place.relative_to(work)),
            sha256=entry.sha256,
            size=entry.size,
        )


def _counterpart(name: str, older: list[str]) -> str | None:
    """Return the older file that is most likely similar: ``delta-4.npy`` grew out of ``delta-3.npy``."""
    if name in older:
        return name
    if name.startswith("delta-"):
        return next(
            (each for each in older if each.startswith("delta-") and each.endswith(Path(name).suffix)), None
        )
    return None


def _shown(files: dict[str, Path], what: str) -> Iterator[tuple[str, Path]]:
    """Yield files under a progress bar, where a person looks on."""
    return iter(
        tqdm(list(files.items()), desc=what, unit="file", leave=False, disable=not sys.stderr.isatty())
    )
