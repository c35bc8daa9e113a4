"""Choosing releases: from signed documents alone, before a byte of a model or database has travelled."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cardscanner.config import Config
from cardscanner.errors import ArtifactError, UpdateRefused
from cardscanner.files import sha256_of
from cardscanner.manifest import MANIFEST, load_database_manifest, load_model_manifest
from cardscanner.publish.clock import clock_synced
from cardscanner.update.minisign import MOST_BYTES, PublicKey, check_signed
from cardscanner.update.release import (
    INDEX,
    MOST_DOCUMENT_BYTES,
    RELEASE,
    SIGNATURE,
    Index,
    Kind,
    Listed,
    Release,
    is_older,
    read_document,
    read_kept,
)
from cardscanner.update.releases import Releases
from cardscanner.update.settling import is_bad
from cardscanner.update.sources import Source
from cardscanner.update.state import UpdateState


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants installed."""

    kind: Kind
    version: str | None = None
    """``None``: the newest."""
    name: str | None = None
    """``None``: the one in use."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What is refused unless a person says so."""

    downgrade: bool = False
    again: bool = False
    """A version that was taken back before."""
    drop_changes: bool = False
    """Changes that were made on the box to the database in use."""


NOTHING_MORE = Allowed()
PROGRAM_NAME = "cardscanner"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A release, and the very bytes that were signed."""

    release: Release
    path: str
    document: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class InUse:
    """What the box works with now."""

    name: str
    version: str
    space: str
    dim: int


def read_index(source: Source, keys: list[PublicKey], state: UpdateState) -> tuple[Index, str]:
    """Return the index and its SHA-256.

    Raises
    ------
    UpdateRefused
        ``bad_signature``, ``unknown_key``, ``bad_document``, ``expired`` (when the clock is set), or
        ``old_index``: somebody shows an index that was replaced since.
    """
    data = source.read(INDEX, MOST_DOCUMENT_BYTES)
    check_signed(data, source.read(INDEX + SIGNATURE, MOST_BYTES), keys, INDEX)
    index, identity = read_document(data, Index, INDEX), sha256(data).hexdigest()
    if index.serial < state.serial:
        raise UpdateRefused(
            "old_index",
            f"{INDEX} has serial {index.serial}, this box has seen {state.serial}: it was replayed",
        )
    if index.serial == state.serial and state.index_sha256 not in {"", identity}:
        raise UpdateRefused("old_index", f"there are two different {INDEX} with serial {index.serial}")
    if clock_synced() and index.has_expired(datetime.now(UTC)):
        raise UpdateRefused(
            "expired",
            f"{INDEX} expired on {index.expires:%Y-%m-%d}: it has to be signed again (release-index)",
        )
    return index, identity


def read_release(source: Source, keys: list[PublicKey], listed: Listed) -> Chosen:
    """Return a release of the index; it carries a signature of its own."""
    path = f"{listed.path}/{RELEASE}"
    document = source.read(path, listed.size)
    signature = source.read(path + SIGNATURE, MOST_BYTES)
    check_signed(document, signature, keys, path)
    if sha256(document).hexdigest() != listed.sha256:
        raise UpdateRefused("wrong_sha256", f"{path}: wrong SHA-256: it is not the one that the index lists")
    release = read_document(document, Release, path)
    if (release.kind, release.name, release.version) != (listed.kind, listed.name, listed.version):
        raise UpdateRefused("bad_document", f"{path} is {release.title}, the index lists it as another one")
    return Chosen(release, listed.path, document, signature)


def find_listed(index: Index, wish: Wish, name: str, allowed: Allowed, state: UpdateState) -> Listed:
    """Return the line of the index that is wanted; :class:`UpdateRefused` when there is none."""
    if wish.version is None:
        found = index.newest(wish.kind, name)
    else:
        found = index.find(wish.kind, name, wish.version)
    if found is None:
        there = ", ".join(f"{each.name} {each.version}" for each in index.releases if each.kind == wish.kind)
        wanted = f"{wish.kind} {name} {wish.version or ''}".strip()
        raise UpdateRefused("not_found", f"the index has no {wanted}; it has {there or 'none of this kind'}")
    why = is_bad(state, found.kind, found.name, found.version)
    if why is not None and not allowed.again:
        raise UpdateRefused(
            "known_bad",
            f"{found.kind} {found.name} {found.version} was taken back on this box before: {why} "
            "(--again tries it once more)",
        )
    return found


def check_place(config: Config, releases: Releases, kind: Kind) -> None:
    """Refuse where the configuration does not use what would be installed."""
    named: dict[Kind, tuple[str, Path]] = {
        "database": ("index.database", config.index.database),
        "model": ("embedder.model", config.embedder.model),
    }
    link = releases.current(kind)
    if kind in named and named[kind][1] != link:
        key, value = named[kind]
        raise UpdateRefused(
            "not_set_up",
            f"{key} is {value}: a release would be installed and not used; set it to {link} first "
            "(docs/updates.md)",
        )
    if kind == "program" and (config.updates is None or config.updates.installer is None):
        raise UpdateRefused(
            "not_set_up", "updates.installer is not set: programs of this box are installed by other means"
        )


def what_is_used(config: Config) -> dict[Kind, InUse]:
    """Return what the configuration leads to now; what is not there yet is left out."""
    found: dict[Kind, InUse] = {}
    try:
        model = load_model_manifest(config.embedder.model)
        found["model"] = InUse(model.name, model.version, model.space, model.dim)
    except ArtifactError:
        pass
    try:
        database = load_database_manifest(config.index.database)
        found["database"] = InUse(database.name, database.version, database.space, database.dim)
    except ArtifactError:
        pass
    return found


def check_versions(
    releases: Releases, used: Mapping[Kind, InUse], release: Release, allowed: Allowed
) -> None:
    """Refuse the version in use, one older than it, and one that would drop changes made on the box."""
    kind = release.kind
    there = releases.in_use(kind)
    now = there or (used[kind].version if kind in used else None)
    if now == release.version and there is not None and _name_there(releases, kind, there) == release.name:
        raise UpdateRefused("older", f"{release.title} is in use already")
    same_name = kind not in used or used[kind].name == release.name
    if now is not None and same_name and is_older(release.version, now) and not allowed.downgrade:
        raise UpdateRefused(
            "older",
            f"{release.title} is older than {now}, which is in use: to go back to the version before, "
            "roll back; --allow-downgrade installs it all the same",
        )
    if kind == "database" and there is not None and not allowed.drop_changes:
        _check_unchanged(releases.folder(kind, there))


def _name_there(releases: Releases, kind: Kind, version: str) -> str | None:
    kept = read_kept(releases.folder(kind, version))
    return None if kept is None else kept.name


def _check_unchanged(folder: Path) -> None:
    kept = read_kept(folder)
    if kept is None or MANIFEST not in kept.files:
        return
    if sha256_of(folder / MANIFEST) != kept.files[MANIFEST].sha256:
        raise UpdateRefused(
            "changed_here",
            f"{folder} was changed on this box (cardscanner db add or remove), and the update does not have "
            "these changes: export them (cardscanner db export), then --drop-changes installs it",
        )


def check_fit(chosen: Sequence[Release], used: Mapping[Kind, InUse]) -> None:
    """Refuse vectors that the other half cannot be compared with, and programs for other machines."""
    spaces = {
        kind: (each.space, each.dim, f"{kind} {each.name} {each.version}") for kind, each in used.items()
    }
    for release in chosen:
        if release.kind == "program":
            _check_machine(release)
        elif release.space is not None and release.dim is not None:
            spaces[release.kind] = (release.space, release.dim, release.title)
    if "model" in spaces and "database" in spaces:
        (space, dim, model), (other, wide, database) = spaces["model"], spaces["database"]
        if (space, dim) != (other, wide):
            raise UpdateRefused(
                "does_not_fit",
                f"{database} has vectors of {other} ({wide}-d), {model} makes {space} ({dim}-d): "
                "install the two that belong together at once",
            )


def program_here() -> str:
    """Return what a site calls the program for this Python and machine, where it has one for each."""
    python = "".join(platform.python_version_tuple()[:2])
    return f"{PROGRAM_NAME}-cp{python}-{platform.machine()}"


def _check_machine(release: Release) -> None:
    python = ".".join(platform.python_version_tuple()[:2])
    if release.python and python not in release.python:
        raise UpdateRefused(
            "does_not_fit", f"{release.title} is for Python {', '.join(release.python)}, here is {python}"
        )
    if release.machine not in {None, platform.machine()}:
        raise UpdateRefused(
            "does_not_fit", f"{release.title} is for {release.machine}, this machine is {platform.machine()}"
        )
